package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"miniecs/internal/feed"
	"miniecs/runtime"
	"miniecs/runtime/engine"
)

// maxImage bounds an uploaded image or build context, in bytes.
const maxImage = 2 << 30

// control answers /_miniecs/: what AWS has no operation for. wire.Guard stands in front of it.
type control struct {
	info    VersionInfo
	run     *runtime.Runtime
	eng     engine.Whole
	feed    *feed.Feed
	secrets *secrets
	// stopParts ends runtime and proxy, and removes what is ours from the engine if that is asked for.
	stopParts func(ctx context.Context, remove bool) error
	closeDoor func() // ends the daemon once the answer is out
	closing   context.Context
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_miniecs/version", func(w http.ResponseWriter, _ *http.Request) { answer(w, c.info) })
	mux.HandleFunc("GET /_miniecs/watch", c.watch)
	mux.HandleFunc("GET /_miniecs/attempts", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"attempts": append([]runtime.Attempt{}, c.run.Attempts(r.FormValue("cluster"))...)})
	})
	mux.HandleFunc("GET /_miniecs/logs", c.logs)
	mux.HandleFunc("GET /_miniecs/images", c.images)
	mux.HandleFunc("PUT /_miniecs/images", c.putImage)
	mux.HandleFunc("DELETE /_miniecs/images", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("ref") == "" {
			refuse(w, http.StatusBadRequest, errors.New("ref is missing"))
			return
		}
		done(w, c.eng.RemoveImage(r.Context(), r.FormValue("ref")))
	})
	mux.HandleFunc("PUT /_miniecs/secrets", c.putSecrets)
	mux.HandleFunc("DELETE /_miniecs/secrets", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("stack") == "" {
			refuse(w, http.StatusBadRequest, errors.New("stack is missing"))
			return
		}
		done(w, c.secrets.put(r.Context(), r.FormValue("stack"), nil))
	})
	mux.HandleFunc("GET /_miniecs/spares", c.spares)
	mux.HandleFunc("POST /_miniecs/quit", c.stop)
	mux.HandleFunc("/_miniecs/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("nothing is at %s %s", r.Method, r.URL.Path))
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// done answers an empty object, or the error.
func done(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, struct{}{})
}

// watch streams the feed as server-sent events, whose ids are cursors.
func (c *control) watch(w http.ResponseWriter, r *http.Request) {
	cursor := c.feed.Cursor()
	if s := r.FormValue("cursor"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("cursor %q is no number", s))
			return
		}
		cursor = min(n, cursor) // one that is not given yet is of a daemon before this one
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	fmt.Fprintf(w, "event: hello\ndata: {\"cursor\": %d}\n\n", cursor)
	for out.Flush() == nil {
		items, missed, err := c.feed.Since(ctx, cursor)
		if err != nil {
			return
		}
		if missed > 0 {
			fmt.Fprintf(w, "event: missed\ndata: {\"missed\": %d}\n\n", missed)
		}
		for _, it := range items {
			b, err := json.Marshal(it)
			if err != nil {
				return
			}
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", it.Cursor, b)
			cursor = it.Cursor + 1
		}
	}
}

// logs streams log lines, one JSON object a line.
func (c *control) logs(w http.ResponseWriter, r *http.Request) {
	q := runtime.LogQuery{Cluster: r.FormValue("cluster"), Task: r.FormValue("task"), Service: r.FormValue("service"),
		Container: r.FormValue("container"), Follow: r.FormValue("follow") == "1"}
	if s := r.FormValue("tail"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, fmt.Errorf("tail %q is no number of lines", s))
			return
		}
		q.Tail = n
	}
	if s := r.FormValue("since"); s != "" {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("since %q is no time of RFC 3339", s))
			return
		}
		q.Since = t
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, enc, told := http.NewResponseController(w), json.NewEncoder(w), false
	err := c.run.Logs(ctx, q, func(rec runtime.LogRecord) error {
		told = true
		if err := enc.Encode(rec); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil && !told {
		status := http.StatusInternalServerError
		var refusal *runtime.Error
		if errors.As(err, &refusal) {
			status = http.StatusNotFound
		}
		refuse(w, status, err)
	}
}

func (c *control) images(w http.ResponseWriter, r *http.Request) {
	if ref := r.FormValue("ref"); ref != "" {
		_, err := c.eng.Image(r.Context(), ref)
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		answer(w, map[string]bool{"present": err == nil})
		return
	}
	refs, err := c.eng.ListImages(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, map[string]any{"images": append([]string{}, refs...), "arch": c.info.Arch})
}

// putImage makes an image from a root file system or a build context.
func (c *control) putImage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ref := q.Get("ref")
	if ref == "" {
		refuse(w, http.StatusBadRequest, errors.New("ref is missing"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxImage))
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("read the image: %w", err))
		return
	}
	item := feed.Item{Kind: "build", Subject: ref, Status: "building"}
	c.feed.Publish(item)
	labels := map[string]string{"miniecs.stack": q.Get("stack")}
	var id engine.ImageID
	switch q.Get("kind") {
	case "import":
		id, err = c.eng.Import(r.Context(), ref, body, engine.ImportOptions{EntryPoint: q["entrypoint"], Env: q["env"], Labels: labels, Arch: c.info.Arch})
	case "build":
		id, err = c.eng.Build(r.Context(), ref, body, func(line string) {
			c.feed.Publish(feed.Item{Kind: "build", Subject: ref, Status: "building", Message: line})
		})
	default:
		err = fmt.Errorf("kind %q is neither import nor build", q.Get("kind"))
	}
	if err != nil {
		item.Status, item.Message = "failed", err.Error()
		c.feed.Publish(item)
		refuse(w, http.StatusBadRequest, err)
		return
	}
	item.Status = "built"
	c.feed.Publish(item)
	answer(w, map[string]string{"id": string(id)})
}

func (c *control) putSecrets(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Stack  string            `json:"stack"`
		Values map[string]string `json:"values"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil || in.Stack == "" {
		refuse(w, http.StatusBadRequest, errors.New("want {\"stack\": name, \"values\": {valueFrom: value}}"))
		return
	}
	done(w, c.secrets.put(r.Context(), in.Stack, in.Values))
}

// spares counts the task networks that stand ready, after asking for so many.
func (c *control) spares(w http.ResponseWriter, r *http.Request) {
	if s := r.FormValue("want"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 100 {
			refuse(w, http.StatusBadRequest, fmt.Errorf("want %q is no number from 0 to 100", s))
			return
		}
		c.eng.Want(n)
	}
	answer(w, map[string]int{"spares": c.eng.Spares()})
}

// stop ends the daemon. With nothing left to run it takes everything of ours out of the engine first.
func (c *control) stop(w http.ResponseWriter, r *http.Request) {
	busy := c.run.Busy()
	if busy != "" && r.FormValue("force") != "1" {
		refuse(w, http.StatusConflict, fmt.Errorf("%s; take them down first (miniecs down --all), or use --force to leave them running without a daemon", busy))
		return
	}
	defer c.closeDoor()
	if err := c.stopParts(r.Context(), busy == ""); err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Errorf("remove what is left in the engine: %w", err))
		return
	}
	answer(w, struct{}{})
}
