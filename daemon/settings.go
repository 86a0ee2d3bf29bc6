package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"sync"

	"miniecs/internal/ids"
	"miniecs/store"
)

// Buckets of the daemon's own records.
const (
	settingsBucket = "daemon"
	secretsBucket  = "secrets"
)

// settings are what an installation keeps for ever: who it is on the engine, and in which region.
type settings struct {
	Installation string `json:"installation"`
	Account      string `json:"account"`
	Region       string `json:"region"`
}

// loadSettings reads the settings, or makes them at the first start. A region or account that is asked for later must
// be the kept one: ARNs hold them.
func loadSettings(ctx context.Context, st store.Store, cfg Config) (settings, error) {
	var s settings
	records, err := st.Load(ctx, settingsBucket)
	if err != nil {
		return s, err
	}
	for key, rec := range records {
		if key.ID == "settings" {
			if err := json.Unmarshal(rec, &s); err != nil {
				return s, fmt.Errorf("read the settings: %w", err)
			}
		}
	}
	if s.Installation != "" {
		if cfg.Region != "" && cfg.Region != s.Region {
			return s, fmt.Errorf("this installation is in region %s, which its ARNs hold; %s needs a home of its own (--home)", s.Region, cfg.Region)
		}
		if cfg.Account != "" && cfg.Account != s.Account {
			return s, fmt.Errorf("this installation is account %s; %s needs a home of its own (--home)", s.Account, cfg.Account)
		}
		return s, nil
	}
	s = settings{
		Installation: ids.Hex(6),
		Account:      cmp.Or(cfg.Account, "000000000000"),
		Region:       cmp.Or(cfg.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1"),
	}
	rec, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	return s, st.Commit(ctx, store.Change{Key: store.Key{Bucket: settingsBucket, ID: "settings"}, Record: rec})
}

// secrets are the values that stacks gave for their secrets, by valueFrom. They are in the store, whose file only its
// owner can read, and never in a log.
type secrets struct {
	store store.Store

	mu      sync.Mutex
	byStack map[string]map[string]string
}

func loadSecrets(ctx context.Context, st store.Store) (*secrets, error) {
	s := &secrets{store: st, byStack: map[string]map[string]string{}}
	records, err := st.Load(ctx, secretsBucket)
	if err != nil {
		return nil, err
	}
	for key, rec := range records {
		values := map[string]string{}
		if err := json.Unmarshal(rec, &values); err != nil {
			return nil, fmt.Errorf("read the secrets of stack %s: %w", key.ID, err)
		}
		s.byStack[key.ID] = values
	}
	return s, nil
}

// put replaces the values of a stack; none removes it.
func (s *secrets) put(ctx context.Context, stack string, values map[string]string) error {
	var rec []byte
	if len(values) > 0 {
		b, err := json.Marshal(values)
		if err != nil {
			return err
		}
		rec = b
	}
	if err := s.store.Commit(ctx, store.Change{Key: store.Key{Bucket: secretsBucket, ID: stack}, Record: rec}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec == nil {
		delete(s.byStack, stack)
	} else {
		s.byStack[stack] = maps.Clone(values)
	}
	return nil
}

// value finds the value of a valueFrom; the stacks are looked through in no order, as their names differ.
func (s *secrets) value(_ context.Context, valueFrom string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, values := range s.byStack {
		if v, ok := values[valueFrom]; ok {
			return v, true
		}
	}
	return "", false
}
