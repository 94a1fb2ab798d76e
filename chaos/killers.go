package chaos

// killers are seeds that have found a planted bug, by what it breaks: they look for it first, since most bugs show in few runs. The source goes on,
// and what a seed finds changes with it; where these find nothing any more, the others follow.
var killers = map[string][]uint64{
	"what a delta overlaps is applied twice":        {2},
	"callees are not told that the caller has gone": {5},
	"callees are not told that time is up":          {2},

	"events are lost in an outage that fits the window": {9, 11, 23},
	"who loses a conflict is not told":                  {2, 3, 4},
	"who is to stand by is revoked":                     {5, 6, 8},
}
