// Reads dashboards as strictly as Grafana's schema allows: every field has to be known, of its type and within its limits.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	return board.Validate()
}

func main() {
	plugins.RegisterDefaultPlugins()
	failed := 0
	for _, path := range os.Args[1:] {
		// Where nothing is wrong the library gives an empty list of errors.
		if err := check(path); err != nil && err.Error() != "" {
			fmt.Printf("%s: %v\n", path, err)
			failed = 1
		}
	}
	os.Exit(failed)
}
