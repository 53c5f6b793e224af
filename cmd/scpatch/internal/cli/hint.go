// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/sirupsen/logrus"
)

// A hinter collects the names of reasons and errors in messages. At the end, on
// a terminal, it says where they are explained. It is a hook of the log.
type hinter struct {
	mu    sync.Mutex
	names []string
}

// Levels implements [logrus.Hook].
func (*hinter) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel} }

// Fire implements [logrus.Hook].
func (h *hinter) Fire(e *logrus.Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, field := range []string{"kind", "reason"} {
		if name, ok := e.Data[field].(string); ok && name != "" && !slices.Contains(h.names, name) {
			h.names = append(h.names, name)
		}
	}
	return nil
}

// hint prints the hint at the end of a command.
func (c *common) hint() {
	h := &c.hinter
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.names) == 0 || c.logFormat != "text" || c.quiet || !report.ScreenOf(c.log.Out).Terminal() {
		return
	}
	slices.Sort(h.names) // files are processed in parallel
	names := strings.Join(h.names, " ")
	if len(h.names) > 3 {
		names = "NAME"
	}
	fmt.Fprintf(c.log.Out, "Try 'scpatch explain %s' for what to do.\n", names)
}
