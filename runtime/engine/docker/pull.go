package docker

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"miniecs/runtime/engine"
)

// How the ECS agent pulls (task-runtime.md 1.5).
const (
	pullTries      = 5
	pullBackoff    = 1100 * time.Millisecond
	pullBackoffMax = 5 * time.Second
	pullBegin      = 5 * time.Minute // until the first sign of progress
	pullStall      = time.Minute     // without any
	pullLimit      = 2 * time.Hour
)

// Pull fetches ref from its registry. It tries five times, but not again where another try cannot help.
func (d *Docker) Pull(ctx context.Context, ref string, opts engine.PullOptions) (engine.ImageID, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", err
	}
	named = reference.TagNameOnly(named) // without a tag the engine would pull all of them
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	auth, err := pullAuth(ctx, named, opts.Auth)
	if err != nil {
		return "", err
	}
	delay := pullBackoff
	for try := 1; ; try++ {
		err = d.pullOnce(ctx, named.String(), auth, opts)
		if err == nil {
			return d.Image(ctx, ref)
		}
		if try == pullTries || ctx.Err() != nil || !worthAnotherTry(err) {
			return "", err
		}
		if !rest(ctx, jitter(delay)) {
			return "", err
		}
		delay = min(delay*2, pullBackoffMax)
	}
}

// pullOnce pulls, and gives up when nothing moves any more.
func (d *Docker) pullOnce(ctx context.Context, ref, auth string, opts engine.PullOptions) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := func() { cancel(errors.New("image pull: no progress any more")) }
	watchdog := time.AfterFunc(pullBegin, stalled)
	defer watchdog.Stop()
	stream, err := d.cli.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: auth, Platform: opts.Platform})
	if err != nil {
		return pullError(ctx, err)
	}
	defer stream.Close()
	err = readStream(stream, func(m jsonmessage.JSONMessage) {
		watchdog.Reset(pullStall)
		if opts.Progress == nil {
			return
		}
		p := engine.Progress{Status: m.Status, Layer: m.ID}
		if m.Progress != nil {
			p.Current, p.Total = m.Progress.Current, m.Progress.Total
		}
		opts.Progress(p)
	})
	return pullError(ctx, err)
}

// pullError gives the reason of our own for an interrupted pull.
func pullError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return wrap(err)
}

// worthAnotherTry tells whether the registry may answer differently the next time: not where it refused the login,
// knows no such image, or where the name is wrong.
func worthAnotherTry(err error) bool {
	if errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrUnavailable) {
		return false
	}
	text := strings.ToLower(err.Error())
	for _, hopeless := range []string{
		"manifest unknown", "not found", "does not exist", "no such image", "invalid reference", "name unknown",
		"unauthorized", "denied", "no basic auth credentials", "authentication required", "incorrect username",
		"no matching manifest", "unsupported media type",
	} {
		if strings.Contains(text, hopeless) {
			return false
		}
	}
	return true
}

// jitter spreads a delay by a fifth to either side.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// rest waits; false if ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
