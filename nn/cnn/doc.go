// Package cnn adds convolutional layers for images to package nn.
//
// # Feature maps are matrices
//
// A batch of feature maps is a matrix with one row per pixel and one column per channel,
// [images*height*width x channels], ordered by image, then by row, then by column of the image. In
// memory this is the layout NHWC (channels last). Three things follow:
//
//   - All of nn applies. A convolution of 1 x 1 pixels is [nn.Linear]; batch normalisation per
//     channel (BatchNorm2D elsewhere) is [nn.BatchNorm]; activations, dropout, residual additions and
//     concatenation of channels are those of nn.
//   - A convolution is a matrix product: its windows, unfolded into rows, times the filters. One of 3 x
//     3 pixels with stride 1 is 16 smaller ones by Winograd's algorithm, with 16 multiplications in
//     place of 36, where there are enough pixels, and 36 with 36 in place of 144 in a minibatch of
//     many. So the size of a batch may change an image's result by rounding.
//   - The number of images is free, as the number of rows is everywhere in nn. Height and width are
//     fixed when a layer is made, and a layer says the size of its result.
//
// A [Map] is the size of one feature map. A network is built from the size of its images on:
//
//	conv, err := cnn.NewConv2D("conv1", cnn.Conv2DConfig{In: image, Channels: 32, Kernel: 3, Padding: 1}, rng)
//	pool, err := cnn.NewMaxPool2D(cnn.PoolConfig{In: conv.Out, Kernel: 2})
//	...
//	flat, err := cnn.Flatten(x, pool.Out) // a row per image, for nn.Linear
package cnn
