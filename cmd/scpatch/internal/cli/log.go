// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

// plainFormatter writes messages as GNU tools do: "scpatch: file: message",
// with the level unless it is an error, and with the name of the error at the
// end.
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
		file = errkind.Printable(f) + ": "
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

// githubFormatter writes messages as workflow commands, which GitHub Actions shows as
// annotations.
type githubFormatter struct{}

// Escapes of workflow commands, in a text and in the value of a property.
var (
	githubText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (githubFormatter) Format(e *logrus.Entry) ([]byte, error) {
	command := "debug"
	switch {
	case e.Level < logrus.WarnLevel:
		command = "error"
	case e.Level == logrus.WarnLevel:
		command = "warning"
	case e.Level == logrus.InfoLevel:
		command = "notice"
	}
	file, _ := e.Data["file"].(string)
	errorKind, _ := e.Data["kind"].(string)
	reason, _ := e.Data["reason"].(string)
	var properties []string
	for _, p := range [][2]string{{"file", file}, {"title", cmp.Or(errorKind, reason)}} {
		if p[1] != "" && command != "debug" {
			properties = append(properties, p[0]+"="+githubValue.Replace(report.Plain(p[1])))
		}
	}
	text := report.Plain(e.Message)
	if file != "" {
		text = errkind.Printable(file) + ": " + text
	}
	start := strings.TrimSpace(command + " " + strings.Join(properties, ","))
	return fmt.Appendf(nil, "::%s::%s\n", start, githubText.Replace(text)), nil
}
