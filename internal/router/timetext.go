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
