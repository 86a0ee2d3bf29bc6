package taskdef

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Timestamp is a time as AWS's JSON protocols write it: epoch seconds with a fraction of milliseconds.
type Timestamp struct{ time.Time }

// NewTimestamp is t to the millisecond, which is all that the wire carries.
func NewTimestamp(t time.Time) *Timestamp { return &Timestamp{t.Truncate(time.Millisecond).UTC()} }

// MarshalJSON writes epoch seconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	ms := t.UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads epoch seconds, exponents included, or the RFC 3339 text that consoles and the
// aws CLI write (task-definition.md 10.1).
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			return fmt.Errorf("timestamp %s: %w", text, err)
		}
		at, err := time.Parse(time.RFC3339Nano, unquoted)
		if err != nil {
			return fmt.Errorf("timestamp: %w", err)
		}
		t.Time = at.UTC()
		return nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > 1e12 {
		return fmt.Errorf("timestamp %s is not a number of seconds", text)
	}
	t.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	return nil
}
