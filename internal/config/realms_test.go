package config

import (
	"reflect"
	"testing"
)

func TestRealmsAreAListOrAMapping(t *testing.T) {
	list := write(t, "k.yaml", "realm: [realm1, {name: bank, strict: true, conflict: standby}, {name: tenant.*, strict: true}]\n")
	mapping := write(t, "k.yaml", "realms:\n  realm1:\n  bank: {conflict: standby, strict: yes}\n  tenant.*:\n    strict: true\n")
	a, b := mustParse(t, "--config", list), mustParse(t, "--config", mapping)
	if !reflect.DeepEqual(a.Realms, b.Realms) {
		t.Errorf("list    %+v\nmapping %+v", a.Realms, b.Realms)
	}
	if a.Realms[1].Template() || !a.Realms[2].Template() {
		t.Errorf("not tenant.* is a template: %+v", a.Realms)
	}
}
