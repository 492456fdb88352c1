// Package cli is what the commands share: flags, progress, tables in four formats, curves, run folders and a clean stop on
// Ctrl-C. It knows nothing of how anything is learned.
package cli
