// Package onnxpb is the generated code of ONNX's schema, graphrl_onnx.proto.
package onnxpb

//go:generate go -C ../../../internal/tools run ./protogen ../../gnn/onnx/onnxpb/graphrl_onnx.proto
