// Package cli is what the commands share: flags, run folders, the columns and panels of the tasks,
// and a clean stop on Ctrl-C. It knows nothing of how anything is learned.
package cli
