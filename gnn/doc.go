// Package gnn computes on graphs: structures, convolutions, pooling and readout.
package gnn
