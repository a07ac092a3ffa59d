// Package tap prints results in the Test Anything Protocol, version 13. It stands in for the package of the same import
// path that the validation suite uses and that Debian does not have; only what the suite calls is here.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts results and prints each as a line.
type T struct {
	Writer io.Writer
	count  *int
	todo   bool
}

// New returns a T that prints to standard output.
func New() *T { return &T{Writer: os.Stdout, count: new(int)} }

// Header prints the version and, for a count above zero, the plan.
func (t *T) Header(count int) {
	fmt.Fprintln(t.Writer, "TAP version 13")
	if count > 0 {
		fmt.Fprintf(t.Writer, "1..%d\n", count)
	}
}

// AutoPlan prints the plan for what has been counted so far.
func (t *T) AutoPlan() { fmt.Fprintf(t.Writer, "1..%d\n", *t.count) }

// Ok prints one result.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	word := "ok"
	if !passed {
		word = "not ok"
	}
	directive := "- "
	if t.todo {
		directive = "# TODO "
	}
	fmt.Fprintf(t.Writer, "%s %d %s%s\n", word, *t.count, directive, strings.ReplaceAll(description, "#", `\#`))
}

// Todo returns a T whose results are about what is not done yet, and so never count as failures.
func (t *T) Todo() *T { return &T{Writer: t.Writer, count: t.count, todo: true} }

// Pass prints a success.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail prints a failure.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip prints so many skipped results.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		*t.count++
		fmt.Fprintf(t.Writer, "ok %d # SKIP %s\n", *t.count, description)
	}
}

// Diagnostic prints a comment.
func (t *T) Diagnostic(message string) {
	for _, line := range strings.Split(strings.TrimRight(message, "\n"), "\n") {
		fmt.Fprintf(t.Writer, "# %s\n", line)
	}
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML prints a block of details that belongs to the result before it; JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Writer, "  ---\n  %s\n  ...\n", text)
	return err
}
