// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/sirupsen/logrus"
)

// plainFormatter writes messages as GNU tools do: "scpatch: file: message",
// with the level named where it is not an error, and the name of an error behind.
type plainFormatter struct{ screen report.Screen }

func (p plainFormatter) Format(e *logrus.Entry) ([]byte, error) {
	program, level := "scpatch: ", ""
	switch {
	case e.Level == logrus.WarnLevel:
		level = p.screen.Yellow("warning: ")
	case e.Level < logrus.WarnLevel:
		program = p.screen.Red(program)
	case e.Level > logrus.WarnLevel:
		level = "note: "
	}
	file := ""
	if f, ok := e.Data["file"].(string); ok {
		file = kind.Printable(f) + ": "
	}
	name := ""
	if k, ok := e.Data["kind"].(string); ok && k != "" {
		name = " [" + k + "]"
	}
	return fmt.Appendf(nil, "%s%s%s%s%s\n", program, level, file, report.Plain(e.Message), name), nil
}

// jsonFormatter writes messages as lines of JSON.
type jsonFormatter struct{ logrus.JSONFormatter }

func (f *jsonFormatter) Format(e *logrus.Entry) ([]byte, error) {
	line, err := f.JSONFormatter.Format(e)
	return report.PlainJSON(line), err
}
