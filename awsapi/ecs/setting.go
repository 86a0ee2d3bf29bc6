package ecs

import (
	"context"
	"maps"
	"slices"
	"sync"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// defaultSettings are those of an account of today: long ARNs can no longer be opted out of (ecs-control-plane.md 0.2).
var defaultSettings = map[types.SettingName]string{
	types.SettingNameServiceLongArnFormat:            "enabled",
	types.SettingNameTaskLongArnFormat:               "enabled",
	types.SettingNameContainerInstanceLongArnFormat:  "enabled",
	types.SettingNameAwsvpcTrunking:                  "disabled",
	types.SettingNameContainerInsights:               "disabled",
	types.SettingNameFargateFipsMode:                 "disabled",
	types.SettingNameTagResourceAuthorization:        "off",
	types.SettingNameFargateTaskRetirementWaitPeriod: "7",
	types.SettingNameGuardDutyActivate:               "off",
	types.SettingNameDefaultLogDriverMode:            "non-blocking",
	types.SettingNameFargateEventWindows:             "disabled",
}

// settingValues are what a setting can be; the long ARNs have a rule of their own.
var settingValues = map[types.SettingName][]string{
	types.SettingNameAwsvpcTrunking:                  {"enabled", "disabled"},
	types.SettingNameContainerInsights:               {"enabled", "disabled", "enhanced"},
	types.SettingNameFargateFipsMode:                 {"enabled", "disabled"},
	types.SettingNameTagResourceAuthorization:        {"on", "off"},
	types.SettingNameFargateTaskRetirementWaitPeriod: {"0", "7", "14"},
	types.SettingNameGuardDutyActivate:               {"on", "off"},
	types.SettingNameDefaultLogDriverMode:            {"blocking", "non-blocking"},
	types.SettingNameFargateEventWindows:             {"enabled", "disabled"},
}

// settings are what was put since the daemon started. Nothing here acts on an account setting, so they are not kept
// longer than that; there is one principal, and its settings are the account's.
type settings struct {
	mu  sync.Mutex
	put map[types.SettingName]string
}

func (h *handlers) ListAccountSettings(_ context.Context, in *awsecs.ListAccountSettingsInput) (*awsecs.ListAccountSettingsOutput, error) {
	if err := settingName(in.Name); err != nil {
		return nil, err
	}
	h.settings.mu.Lock()
	all := maps.Clone(h.settings.put)
	h.settings.mu.Unlock()
	if in.EffectiveSettings {
		effective := maps.Clone(defaultSettings)
		maps.Copy(effective, all)
		all = effective
	}
	var names []string
	for name, v := range all {
		if (in.Name == "" || in.Name == name) && (in.Value == nil || *in.Value == v) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	var asked *int32
	if in.MaxResults != 0 {
		asked = &in.MaxResults
	}
	names, next, err := page(names, asked, in.NextToken, tens, "settings", string(in.Name), value(in.Value))
	if err != nil {
		return nil, err
	}
	out := &awsecs.ListAccountSettingsOutput{Settings: []types.Setting{}, NextToken: next}
	for _, name := range names {
		out.Settings = append(out.Settings, h.setting(types.SettingName(name), all[types.SettingName(name)]))
	}
	return out, nil
}

func (h *handlers) PutAccountSetting(_ context.Context, in *awsecs.PutAccountSettingInput) (*awsecs.PutAccountSettingOutput, error) {
	s, err := h.putSetting(in.Name, value(in.Value))
	return &awsecs.PutAccountSettingOutput{Setting: s}, err
}

func (h *handlers) PutAccountSettingDefault(_ context.Context, in *awsecs.PutAccountSettingDefaultInput) (*awsecs.PutAccountSettingDefaultOutput, error) {
	s, err := h.putSetting(in.Name, value(in.Value))
	return &awsecs.PutAccountSettingDefaultOutput{Setting: s}, err
}

func (h *handlers) putSetting(name types.SettingName, v string) (*types.Setting, error) {
	if err := settingName(name); err != nil {
		return nil, err
	}
	switch name {
	case types.SettingNameServiceLongArnFormat, types.SettingNameTaskLongArnFormat, types.SettingNameContainerInstanceLongArnFormat:
		if v != "enabled" {
			return nil, invalid("Invalid Setting Value. %s can no longer be opted out of.", name)
		}
	}
	if v == "" {
		return nil, invalid("value can not be empty.")
	}
	if may := settingValues[name]; len(may) > 0 && !slices.Contains(may, v) {
		return nil, invalid("Invalid Setting Value. %s should be one of [%s]", name, list(may))
	}
	h.settings.mu.Lock()
	h.settings.put[name] = v
	h.settings.mu.Unlock()
	s := h.setting(name, v)
	return &s, nil
}

func (h *handlers) setting(name types.SettingName, v string) types.Setting {
	return types.Setting{Name: name, Value: &v, PrincipalArn: text(h.cfg.Caller), Type: types.SettingTypeUser}
}

// settingName says "unknown" for any unknown name, as AWS does (ecs-control-plane.md 7.5).
func settingName(name types.SettingName) error {
	if !known(name) {
		return invalid("unknown should be one of [%s]", list(name.Values()))
	}
	return nil
}
