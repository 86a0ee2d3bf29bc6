package plan

import "testing"

// The worked examples of spec 2.2, each as the whole story of a roll-out. Tasks t1… are the old revision's.
func TestNext_RollOut(t *testing.T) {
	for _, c := range []struct {
		name                      string
		desired, minimum, maximum int
		want                      string
	}{
		{"2.2: 1/100/200 starts 1 new, waits until it is healthy, stops the old", 1, 100, 200, `StartTask 2: 0 of 1 running
-- running t2
-- +40s
StopTask t1: replaced by 2
-- stopped t1
complete
steady
`},
		{"2.2: 4/50/200 stops 2 and starts 4 at once", 4, 50, 200, `StopTask t1: replaced by 2
StopTask t2: replaced by 2
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
-- stopped t1 t2
-- running t5 t6 t7 t8
-- +40s
StopTask t3: replaced by 2
StopTask t4: replaced by 2
-- stopped t3 t4
complete
steady
`},
		{"2.2: 4/100/200 starts 4 new, then stops 4 old", 4, 100, 200, `StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
-- running t5 t6 t7 t8
-- +40s
StopTask t1: replaced by 2
StopTask t2: replaced by 2
StopTask t3: replaced by 2
StopTask t4: replaced by 2
-- stopped t1 t2 t3 t4
complete
steady
`},
		{"2.2: 4/50/100 stops 2, starts 2, stops 2, starts 2", 4, 50, 100, `StopTask t1: replaced by 2
StopTask t2: replaced by 2
-- stopped t1 t2
StartTask 2: 0 of 4 running
StartTask 2: 0 of 4 running
-- running t5 t6
-- +40s
StopTask t3: replaced by 2
StopTask t4: replaced by 2
-- stopped t3 t4
StartTask 2: 2 of 4 running
StartTask 2: 2 of 4 running
-- running t7 t8
-- +40s
complete
steady
`},
		{"2.2: 2/75/100 is stuck", 2, 75, 100, `blocked
`},
		{"2.2: 3/100/125 is stuck", 3, 100, 125, `blocked
`},
		{"2.2: 1/0/100 stops the old, then starts the new", 1, 0, 100, `StopTask t1: replaced by 2
-- stopped t1
StartTask 2: 0 of 1 running
-- running t2
-- +40s
complete
steady
`},
		{"2.2: 1/100/100 is stuck for ever", 1, 100, 100, `blocked
`},
		{"2.2: 1/50/100 is stuck too, since the lower bound rounds up", 1, 50, 100, `blocked
`},
		{"2.2: 5/100/150 uses the room that the upper bound leaves", 5, 100, 150, `StartTask 2: 0 of 5 running
StartTask 2: 0 of 5 running
-- running t6 t7
-- +40s
StopTask t1: replaced by 2
StopTask t2: replaced by 2
-- stopped t1 t2
StartTask 2: 2 of 5 running
StartTask 2: 2 of 5 running
-- running t8 t9
-- +40s
StopTask t3: replaced by 2
StopTask t4: replaced by 2
-- stopped t3 t4
StartTask 2: 4 of 5 running
-- running t10
-- +40s
StopTask t5: replaced by 2
-- stopped t5
complete
steady
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.desired, c.minimum, c.maximum)
			w.deploy("2", good)
			if got, _ := w.settle(100); got != c.want {
				t.Errorf("%d/%d/%d: got\n%s\nwant\n%s", c.desired, c.minimum, c.maximum, got, c.want)
			}
		})
	}
}
