// Command miniecs-bench measures what miniecs promises, beside the bare Docker API in the same run on the same engine:
// starting many tasks, replacing a dead one, rolling an update under load. Anyone can run it:
//
//	go run ./cmd/miniecs-bench [-n 20] [start|replace|roll]...
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

func main() {
	n := flag.Int("n", 20, "tasks to start")
	rounds := flag.Int("rounds", 5, "replacements to measure")
	load := flag.Int("load", 200, "requests a second during the roll-out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Args(), *n, *rounds, *load); err != nil {
		fmt.Fprintln(os.Stderr, "miniecs-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what []string, n, rounds, load int) error {
	wanted := func(name string) bool { return len(what) == 0 || slices.Contains(what, name) }
	if wanted("start") {
		if err := benchStart(ctx, n); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	if wanted("replace") {
		if err := benchReplace(ctx, rounds); err != nil {
			return fmt.Errorf("replace: %w", err)
		}
	}
	if wanted("roll") {
		if err := benchRoll(ctx, load); err != nil {
			return fmt.Errorf("roll: %w", err)
		}
	}
	return nil
}

// benchStart compares create-service of n tasks, with n spares standing and from cold, with n bare containers.
func benchStart(ctx context.Context, n int) error {
	bare, err := newBare(ctx)
	if err != nil {
		return err
	}
	defer bare.close()
	took, err := bare.start(ctx, n)
	if err != nil {
		return err
	}
	fmt.Printf("start %d: bare Docker API, containers on a bridge network   %6.2f s\n", n, took.Seconds())
	for _, spares := range []int{n, -1} {
		name := fmt.Sprintf("miniecs, %d spares standing", n)
		if spares < 0 {
			name = "miniecs, from cold"
		}
		ours, err := startTasks(ctx, n, spares)
		if err != nil {
			return err
		}
		fmt.Printf("start %d: %-52s %6.2f s  (%.2f times)\n", n, name+", create-service to RUNNING", ours.Seconds(), ours.Seconds()/took.Seconds())
	}
	return nil
}

func startTasks(ctx context.Context, n, spares int) (time.Duration, error) {
	b, err := newBed(ctx, spares)
	if err != nil {
		return 0, err
	}
	defer b.close()
	if err := b.register(ctx, "1"); err != nil {
		return 0, err
	}
	if spares > 0 {
		if err := b.awaitSpares(ctx, spares); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	if err := b.createService(ctx, n, nil); err != nil {
		return 0, err
	}
	if err := b.awaitRunning(ctx, n); err != nil {
		return 0, err
	}
	return time.Since(begin), nil
}

// benchReplace compares the time from a container's death to its replacement RUNNING with one bare create and start.
func benchReplace(ctx context.Context, rounds int) error {
	bare, err := newBare(ctx)
	if err != nil {
		return err
	}
	defer bare.close()
	var alone, ours []time.Duration
	for range rounds {
		took, err := bare.start(ctx, 1)
		if err != nil {
			return err
		}
		alone = append(alone, took)
	}
	b, err := newBed(ctx, 2)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.register(ctx, "1"); err != nil {
		return err
	}
	if err := b.createService(ctx, 1, nil); err != nil {
		return err
	}
	for range rounds {
		if err := b.awaitRunning(ctx, 1); err != nil {
			return err
		}
		if err := b.awaitSpares(ctx, 2); err != nil {
			return err
		}
		time.Sleep(61 * time.Second / timeScale) // a task that stayed up: the first of a loop, no wait due
		took, err := b.killAndWait(ctx)
		if err != nil {
			return err
		}
		ours = append(ours, took)
	}
	a, o := median(alone), median(ours)
	fmt.Printf("replace: bare create and start, median of %d                       %6.0f ms\n", rounds, ms(a))
	fmt.Printf("replace: container's death to its replacement RUNNING, median     %6.0f ms  (%.2f times)\n", ms(o), o.Seconds()/a.Seconds())
	return nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
