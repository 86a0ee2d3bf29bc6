package ecs

import (
	"encoding/json"
	"fmt"

	"miniecs/awsapi/wire"
	"miniecs/runtime"
)

// pick takes members of a request that were given, by their name on the wire.
func pick(in any, names ...string) (runtime.Extra, error) {
	data, err := wire.EncodeJSON(in)
	if err != nil {
		return nil, fmt.Errorf("read members of %T: %w", in, err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read members of %T: %w", in, err)
	}
	var extra runtime.Extra
	for _, name := range names {
		raw, ok := all[name]
		if !ok || string(raw) == "null" {
			continue
		}
		if extra == nil {
			extra = runtime.Extra{}
		}
		extra[name] = raw
	}
	return extra, nil
}

// merge puts kept members into an answer; those that the answer's type does not have are passed over.
func merge(out any, extra runtime.Extra) error {
	if len(extra) == 0 {
		return nil
	}
	data, err := json.Marshal(extra)
	if err == nil {
		_, err = wire.DecodeJSON(data, out)
	}
	if err != nil {
		return fmt.Errorf("give kept members back in %T: %w", out, err)
	}
	return nil
}

// domain carries a value from the SDK's types to the domain's by its form on the wire.
func domain(in, out any) error {
	data, err := wire.EncodeJSON(in)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return fmt.Errorf("read %T: %w", in, err)
	}
	return nil
}

// sdk is the way back of domain.
func sdk(in, out any) error {
	data, err := json.Marshal(in)
	if err == nil {
		_, err = wire.DecodeJSON(data, out)
	}
	if err != nil {
		return fmt.Errorf("answer with %T: %w", out, err)
	}
	return nil
}
