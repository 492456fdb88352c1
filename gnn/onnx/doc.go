// Package onnx writes networks of packages nn, nn/cnn and gnn as ONNX files (opset 18), for any
// number of vertices and edges.
//
// [Export] walks an expression graph and writes each operation as the ONNX operators that compute
// the same. So any network made of the layers can be exported, and any layer of your own that is
// made of them. A [Builder] also writes what goes on around a network, such as the computation of
// its features.
//
// # Inputs
//
// A graph input g becomes the int64 inputs g_edge_src and g_edge_dst [edges] and, where an
// operation needs them, g_num_dst [1], the number of destination vertices, g_batch [vertices], the
// graph of each vertex in ascending order, and g_num_graphs [1]. All other inputs keep their names
// and are float32 matrices.
package onnx
