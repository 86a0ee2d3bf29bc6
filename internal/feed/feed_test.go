package feed

import (
	"context"
	"fmt"
	"testing"
)

func TestFeed_Since(t *testing.T) {
	tests := []struct {
		published     int
		cursor        uint64
		first, missed uint64
		items         int
		nothingYet    bool
	}{
		{published: 0, cursor: 0, nothingYet: true},
		{published: 3, cursor: 0, first: 1, items: 3}, // nothing was lost
		{published: 3, cursor: 1, first: 1, items: 3},
		{published: 3, cursor: 3, first: 3, items: 1},
		{published: 3, cursor: 4, nothingYet: true},
		{published: 3, cursor: 5000, nothingYet: true},
		{published: 21, cursor: 0, first: 12, items: 10, missed: 11}, // 10 are kept
		{published: 21, cursor: 2, first: 12, items: 10, missed: 10},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.published, tt.cursor), func(t *testing.T) {
			f := New(10)
			for range tt.published {
				f.Publish(Item{})
			}
			ctx, cancel := context.WithCancel(t.Context())
			if tt.nothingYet {
				cancel()
			}
			defer cancel()
			items, missed, err := f.Since(ctx, tt.cursor)
			if (err != nil) != tt.nothingYet || missed != tt.missed || len(items) != tt.items {
				t.Fatalf("got %d items, %d missed, %v", len(items), missed, err)
			}
			if len(items) > 0 && items[0].Cursor != tt.first {
				t.Errorf("first is %d", items[0].Cursor)
			}
		})
	}
}

func TestFeed_ACursorOfAFormerDaemonGetsWhatComes(t *testing.T) {
	f := New(10)
	f.Publish(Item{})
	got := make(chan []Item, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		items, _, _ := f.Since(t.Context(), 5000)
		got <- items
	}()
	<-started
	for {
		select {
		case items := <-got:
			if len(items) == 0 {
				t.Error("nothing came")
			}
			return
		default:
			f.Publish(Item{Kind: "event"})
		}
	}
}
