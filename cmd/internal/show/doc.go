// Package show presents results: progress lines, tables in four formats, and figures of curves.
package show
