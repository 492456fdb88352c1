// Package cli holds the common parts of the commands: flags, run folders, columns and panels of the
// tasks, and a clean stop on Ctrl-C. It does not depend on how anything is learned.
package cli
