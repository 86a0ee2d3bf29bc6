package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"miniecs/daemon"
	"miniecs/internal/feed"
)

// attempt mirrors an item of GET /_miniecs/attempts.
type attempt struct {
	Cluster        string    `json:"cluster"`
	Service        string    `json:"service"`
	Deployment     string    `json:"deployment"`
	TaskDefinition string    `json:"taskDefinition"`
	Status         string    `json:"status"`
	Attempts       int       `json:"attempts"`
	Crashes        int       `json:"crashes"`
	FailedStarts   int       `json:"failedStarts"`
	LastExit       *lastExit `json:"lastExit"`
	NextTry        time.Time `json:"nextTry"`
	Waiting        string    `json:"waiting"`
}

type lastExit struct {
	Task      string    `json:"task"`
	Container string    `json:"container"`
	ExitCode  *int      `json:"exitCode"`
	Reason    string    `json:"reason"`
	StopCode  string    `json:"stopCode"`
	At        time.Time `json:"at"`
	Ran       string    `json:"ran"`
}

type logLine struct {
	Task      string    `json:"task"`
	Container string    `json:"container"`
	Time      time.Time `json:"time"`
	Stream    string    `json:"stream"`
	Text      string    `json:"text"`
}

// get asks for one JSON value.
func (a *app) get(ctx context.Context, path string, q url.Values, out any) error {
	resp, err := a.client().Control(ctx, http.MethodGet, path, q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

func (a *app) version(ctx context.Context) (v daemon.VersionInfo, err error) {
	if err := a.get(ctx, "version", nil, &v); err != nil {
		return v, err
	}
	if v.PID == 0 {
		return v, fmt.Errorf("%s is not a daemon of miniecs", a.endpoint)
	}
	return v, nil
}

func (a *app) attempts(ctx context.Context, cluster string) ([]attempt, error) {
	var out struct{ Attempts []attempt }
	err := a.get(ctx, "attempts", url.Values{"cluster": {cluster}}, &out)
	return out.Attempts, err
}

// watch calls f for every item from now on, until f says stop, ctx ends or the daemon goes. opened, if set, is called
// once nothing can be missed any more.
func (a *app) watch(ctx context.Context, cursor string, opened func(), f func(feed.Item) bool) error {
	q := url.Values{}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	resp, err := a.client().Control(ctx, http.MethodGet, "watch", q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	event := ""
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case key == "":
			event = ""
		case key == "event":
			event = value
			if value == "hello" && opened != nil {
				opened()
			}
		case key == "data" && event == "":
			var it feed.Item
			if err := json.Unmarshal([]byte(value), &it); err != nil {
				return err
			}
			if !f(it) {
				return nil
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the daemon at %s ended", a.endpoint)
}

// streamLogs calls f for every log line.
func (a *app) streamLogs(ctx context.Context, q url.Values, f func(logLine)) error {
	resp, err := a.client().Control(ctx, http.MethodGet, "logs", q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var l logLine
		if err := dec.Decode(&l); err != nil {
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return nil
			}
			return err
		}
		f(l)
	}
}
