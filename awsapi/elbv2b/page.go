package elbv2

import (
	"encoding/base64"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxPage is the size of a page that has no PageSize, and the largest (alb.md 5.7).
const maxPage = 400

// page cuts one page out of all. The marker holds the id of the last item given, so that what is made or deleted between
// two pages neither repeats nor hides an item.
func page[T any](all []T, id func(T) string, marker *string, size *int32) ([]T, *string, error) {
	n := maxPage
	if size != nil {
		if *size < 1 || *size > maxPage {
			return nil, nil, invalid("1 validation error detected: Value '%d' at 'pageSize' failed to satisfy constraint: "+
				"Member must have value between 1 and %d", *size, maxPage)
		}
		n = int(*size)
	}
	if aws.ToString(marker) != "" {
		last, err := base64.RawURLEncoding.DecodeString(*marker)
		i := slices.IndexFunc(all, func(item T) bool { return id(item) == string(last) })
		if err != nil || i < 0 {
			return nil, nil, invalid("The marker '%s' is not valid", *marker)
		}
		all = all[i+1:]
	}
	if len(all) <= n {
		return all, nil, nil
	}
	return all[:n], aws.String(base64.RawURLEncoding.EncodeToString([]byte(id(all[n-1])))), nil
}
