package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kleeblatt/internal/config"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadmeConfig: the example of a configuration file is one.
func TestReadmeConfig(t *testing.T) {
	_, rest, ok := strings.Cut(readme(t), "```yaml\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("README has no example of a configuration")
	}
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "node.yaml")
	example = strings.Replace(example, "/etc/kleeblatt/cluster.key", key, 1)
	example = strings.Replace(example, "/var/lib/kleeblatt", filepath.Join(dir, "data"), 1)
	password := filepath.Join(dir, "password")
	example = strings.Replace(example, "/etc/kleeblatt/joe.password", password, 1)
	for name, text := range map[string]string{key: strings.Repeat("k", 32), password: "pencil", file: example} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Parse([]string{"--config", file})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Name != "node1" || len(cfg.Listen) != 2 || len(cfg.Realms) != 3 || !cfg.Realms[2].Template() || len(cfg.Join) != 2 {
		t.Errorf("%+v", cfg)
	}
}

// TestReadmeCommands: each command has its row, with its synopsis.
func TestReadmeCommands(t *testing.T) {
	text := strings.ReplaceAll(readme(t), `\|`, "|")
	for _, c := range commands() {
		if !strings.Contains(text, "| `"+c.name+" ") && !strings.Contains(text, "| `"+c.name+"` |") {
			t.Errorf("README does not name %s", c.name)
		}
	}
}
