package onnx

import "github.com/graphrl/graphrl/nn/cnn"

// Operations of package nn/cnn. A row per pixel is the layout NHWC; ONNX has NCHW.

func (b *Builder) toMaps(x string, m cnn.Map) string {
	x = b.Reshape(x, -1, int64(m.Height), int64(m.Width), int64(m.Channels))
	return b.OpWith("Transpose", Attrs{"perm": []int{0, 3, 1, 2}}, x)
}

func (b *Builder) toRows(x string, channels int) string {
	return b.Reshape(b.OpWith("Transpose", Attrs{"perm": []int{0, 2, 3, 1}}, x), -1, int64(channels))
}

func window(kernel, stride, padding int) Attrs {
	twice := func(v int) []int { return []int{v, v} }
	return Attrs{"kernel_shape": twice(kernel), "strides": twice(stride), "pads": append(twice(padding), twice(padding)...)}
}

// conv2D takes x, W [kernel*kernel*channels x filters] and a bias.
func conv2D(c *call) string {
	cfg := c.Config.(cnn.Conv2DConfig)
	k := int64(cfg.Kernel)
	w := c.Reshape(c.in[1], k, k, int64(cfg.In.Channels), int64(cfg.Channels))
	in := []string{c.toMaps(c.in[0], cfg.In), c.OpWith("Transpose", Attrs{"perm": []int{3, 2, 0, 1}}, w)}
	return c.toRows(c.OpWith("Conv", window(cfg.Kernel, cfg.Stride, cfg.Padding), append(in, c.in[2:]...)...), cfg.Channels)
}

func maxPool2D(c *call) string {
	cfg := c.Config.(cnn.PoolConfig)
	y := c.OpWith("MaxPool", window(cfg.Kernel, cfg.Stride, cfg.Padding), c.toMaps(c.in[0], cfg.In))
	return c.toRows(y, cfg.In.Channels)
}

func avgPool2D(c *call) string {
	cfg := c.Config.(cnn.PoolConfig)
	x := c.toMaps(c.in[0], cfg.In)
	if cfg.Kernel == 0 {
		return c.toRows(c.Op("GlobalAveragePool", x), cfg.In.Channels)
	}
	return c.toRows(c.OpWith("AveragePool", window(cfg.Kernel, cfg.Stride, cfg.Padding), x), cfg.In.Channels)
}

func flatten(c *call) string { return c.Reshape(c.in[0], -1, int64(c.Config.(cnn.Map).Values())) }
