// Package servepb is the generated code of the decision service's schema, serve.proto: messages by
// protoc-gen-go, client and handlers by protoc-gen-connect-go.
package servepb

//go:generate go -C ../../internal/tools run ./protogen ../../serve/servepb/serve.proto
