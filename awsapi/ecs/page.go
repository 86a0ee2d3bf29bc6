package ecs

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"
)

// pages are the sizes of a list operation's pages (ecs-control-plane.md 7.1).
type pages struct{ usual, largest int32 }

var (
	hundreds     = pages{100, 100}
	servicePages = pages{10, 100}
	tens         = pages{10, 10} // account settings and capacity providers
)

// cursor is what a nextToken holds. The list is found again by the last item given, so that what is made or deleted
// between two pages neither repeats nor hides an item; Offset is for when that item itself is gone.
type cursor struct {
	Scope  uint64 `json:"s"` // of the request's filters: a token is good for the same question only
	Last   string `json:"l"`
	Offset int    `json:"o"`
}

// page cuts one page out of all. scope are the filters of the request, without maxResults and nextToken.
func page(all []string, asked *int32, token *string, p pages, scope ...string) (items []string, next *string, err error) {
	size := int(p.usual)
	if asked != nil {
		if *asked < 1 || *asked > p.largest {
			return nil, nil, invalid("maxResults must be between 1 and %d.", p.largest)
		}
		size = int(*asked)
	}
	start := 0
	if value(token) != "" {
		if start, err = resume(all, *token, hash(scope)); err != nil {
			return nil, nil, err
		}
	}
	end := min(start+size, len(all))
	items = slices.Clone(all[start:end])
	if items == nil {
		items = []string{}
	}
	if end < len(all) {
		next = ptr(cursor{Scope: hash(scope), Last: all[end-1], Offset: end}.String())
	}
	return items, next, nil
}

func resume(all []string, token string, scope uint64) (int, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Scope != scope || c.Offset < 1 {
		return 0, invalid("Invalid token")
	}
	if i := slices.Index(all, c.Last); i >= 0 {
		return i + 1, nil
	}
	return min(c.Offset, len(all)), nil
}

func (c cursor) String() string {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // two numbers and a string
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func hash(scope []string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(strings.Join(scope, "\x00")))
	return h.Sum64()
}
