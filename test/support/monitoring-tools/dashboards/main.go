// Reads dashboards as strictly as Grafana's schema allows: every field has to be known, of its type and within its limits.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// What Octavo's dashboards are made of. The library would take all that Grafana has, and a minute to be compiled.
func register() {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
}

// The library takes anything of a panel or a query whose kind it does not know.
func checkKinds(panel *dashboard.Panel) error {
	if _, isKnown := cog.ConfigForPanelcfgVariant(panel.Type); !isKnown {
		return fmt.Errorf("the panels of kind %s are not known to this check", panel.Type)
	}
	for _, target := range panel.Targets {
		if _, isUnknown := target.(variants.UnknownDataquery); isUnknown {
			return fmt.Errorf("a query of panel %s is of a kind that is not known to this check", *panel.Title)
		}
	}
	return nil
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	// Read strictly, the library leaves panels out of what it gives.
	if err := json.Unmarshal(text, &board); err != nil {
		return err
	}
	for _, each := range board.Panels {
		panels := []dashboard.Panel{}
		if each.Panel != nil {
			panels = append(panels, *each.Panel)
		}
		if each.RowPanel != nil {
			panels = append(panels, each.RowPanel.Panels...)
		}
		for i := range panels {
			if err := checkKinds(&panels[i]); err != nil {
				return err
			}
		}
	}
	return board.Validate()
}

func main() {
	register()
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
