package router

// timeText is a point in time as the meta API tells it: ISO 8601 in UTC, to the millisecond. millis are wall-clock milliseconds since
// 1970; what lies before is told as that.
func timeText(millis int64) string {
	millis = max(millis, 0)
	days, rest := millis/86_400_000, millis%86_400_000
	// Years are counted from March, so that the leap day is their last; 400 of them have 146097 days.
	z := days + 719_468
	era, day := z/146_097, z%146_097
	year := (day - day/1460 + day/36_524 - day/146_096) / 365
	day -= 365*year + year/4 - year/100
	m := (5*day + 2) / 153
	day -= (153*m + 2) / 5
	month := m + 3
	if month > 12 {
		month -= 12
		year++
	}
	b := appendDigits(make([]byte, 0, 24), era*400+year, 4)
	b = appendDigits(append(b, '-'), month, 2)
	b = appendDigits(append(b, '-'), day+1, 2)
	b = appendDigits(append(b, 'T'), rest/3_600_000, 2)
	b = appendDigits(append(b, ':'), rest/60_000%60, 2)
	b = appendDigits(append(b, ':'), rest/1000%60, 2)
	b = appendDigits(append(b, '.'), rest%1000, 3)
	return string(append(b, 'Z'))
}

// appendDigits appends n with at least that many digits.
func appendDigits(b []byte, n int64, digits int) []byte {
	if n >= 10 || digits > 1 {
		b = appendDigits(b, n/10, digits-1)
	}
	return append(b, byte('0'+n%10))
}

// parseTime reads a point in time as RFC 3339 writes it: nanoseconds since 1970, in the range that these can say.
func parseTime(s string) (nanos int64, ok bool) {
	const shape = "dddd-dd-ddtdd:dd:dd"
	if len(s) <= len(shape) {
		return 0, false
	}
	for i := range len(shape) {
		c, want := s[i], shape[i]
		if want == 'd' && (c < '0' || c > '9') || want == 't' && c|0x20 != 't' || want != 'd' && want != 't' && c != want {
			return 0, false
		}
	}
	year, month, day := digitsOf(s[:4]), digitsOf(s[5:7]), digitsOf(s[8:10])
	hour, minute, second := digitsOf(s[11:13]), digitsOf(s[14:16]), digitsOf(s[17:19])
	if year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	rest := s[len(shape):]
	var fraction int64
	if rest[0] == '.' {
		n := 1
		for unit := int64(100_000_000); n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			fraction += int64(rest[n]-'0') * unit
			unit /= 10
		}
		if rest = rest[n:]; n == 1 {
			return 0, false
		}
	}
	offset, ok := parseOffset(rest)
	seconds := ((daysBefore(year, month)+day-1)*24+hour)*3600 + minute*60 + second - offset*60
	return seconds*1_000_000_000 + fraction, ok
}

// parseOffset reads Z or ±hh:mm, in minutes.
func parseOffset(s string) (minutes int64, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	for _, i := range [...]int{1, 2, 4, 5} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hours, rest := digitsOf(s[1:3]), digitsOf(s[4:6])
	if minutes = hours*60 + rest; s[0] == '-' {
		minutes = -minutes
	}
	return minutes, hours <= 23 && rest <= 59
}

func digitsOf(s string) (n int64) {
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

func daysIn(year, month int64) int64 {
	switch {
	case month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// daysBefore are the days from 1970 to the first of the month. Years are counted from March, as in timeText.
func daysBefore(year, month int64) int64 {
	m := month - 3
	if m < 0 {
		m += 12
		year--
	}
	return year*365 + year/4 - year/100 + year/400 + (153*m+2)/5 - 719_468
}
