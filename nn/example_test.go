package nn_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A perceptron learns exclusive or, the problem that one layer cannot solve.
func Example() {
	rng := rand.New(rand.NewPCG(1, 2))
	eg := gorgonia.NewGraph()
	x, err := nn.NewInput(eg, "x", 2)
	if err != nil {
		log.Fatal(err)
	}
	target, err := nn.NewInput(eg, "target", 1)
	if err != nil {
		log.Fatal(err)
	}
	net, err := nn.NewMLP("xor", []int{2, 8, 1}, nn.Tanh, nil, rng)
	if err != nil {
		log.Fatal(err)
	}
	logits, err := net.Forward(x)
	if err != nil {
		log.Fatal(err)
	}
	loss, err := nn.BCEWithLogits(logits, target)
	if err != nil {
		log.Fatal(err)
	}
	adam, err := nn.NewAdam(net.Params(), nn.AdamConfig{LearningRate: 0.05})
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := nn.NewTrainer(loss, net.Params(), adam, logits)
	if err != nil {
		log.Fatal(err)
	}

	var in, want nn.Buffer
	copy(in.Resize(4, 2), []float32{0, 0, 0, 1, 1, 0, 1, 1})
	copy(want.Resize(4, 1), []float32{0, 1, 1, 0})
	if err := errors.Join(trainer.Tape.Bind(x, in.Value()), trainer.Tape.Bind(target, want.Value())); err != nil {
		log.Fatal(err)
	}
	for range 300 {
		if _, err := trainer.Step(); err != nil {
			log.Fatal(err)
		}
	}
	for i := range 4 {
		fmt.Println(in.Matrix().Row(i), "is true:", trainer.Tape.Matrix(logits).Row(i)[0] > 0)
	}
	// Output:
	// [0 0] is true: false
	// [0 1] is true: true
	// [1 0] is true: true
	// [1 1] is true: false
}

// rows makes an input of eg and the value to bind to it.
func rows(eg *gorgonia.ExprGraph, name string, cols int, v ...float32) (*gorgonia.Node, *nn.Buffer) {
	b := new(nn.Buffer)
	copy(b.Resize(len(v)/cols, cols), v)
	return must(nn.NewInput(eg, name, cols)), b
}

// printRows computes y from the inputs, given as node and buffer in turn, and prints its rows.
func printRows(y *gorgonia.Node, inputs ...any) {
	tape := must(nn.NewTape(y))
	for i := 0; i < len(inputs); i += 2 {
		if err := tape.Bind(inputs[i].(*gorgonia.Node), inputs[i+1].(*nn.Buffer).Value()); err != nil {
			log.Fatal(err)
		}
	}
	if err := tape.Run(); err != nil {
		fmt.Println(err)
		return
	}
	m := tape.Matrix(y)
	for i := range m.Rows {
		fmt.Printf("%.3f\n", m.Row(i))
	}
}

// ones fills weights with 1, so that results can be checked by hand.
func ones(w nn.Matrix, _ *rand.Rand) { nn.Constant(1)(w, nil) }

func ExampleLinear() {
	x, rows := rows(gorgonia.NewGraph(), "x", 2, 1, 2, -5, 1)
	l, err := nn.NewLinear("layer", nn.LinearConfig{In: 2, Out: 1, Act: nn.ReLU, Init: ones}, newRand(1))
	if err != nil {
		log.Fatal(err)
	}
	l.Bias.Data()[0] = 0.5
	y, err := l.Forward(x) // relu(x1 + x2 + 0.5)
	if err != nil {
		log.Fatal(err)
	}
	printRows(y, x, rows)
	// Output:
	// [3.500]
	// [0.000]
}

// Two inputs side by side, without a copy of both.
func ExampleLinear_ForwardConcat() {
	eg := gorgonia.NewGraph()
	a, aRows := rows(eg, "a", 1, 1, 2)
	b, bRows := rows(eg, "b", 2, 10, 20, 30, 40)
	l := must(nn.NewLinear("layer", nn.LinearConfig{In: 3, Out: 1, Init: ones}, newRand(1)))
	y, err := l.ForwardConcat(a, b)
	if err != nil {
		log.Fatal(err)
	}
	printRows(y, a, aRows, b, bRows)
	// Output:
	// [31.000]
	// [72.000]
}

func ExampleMLP() {
	net, err := nn.NewMLP("actor", []int{10, 120, 80, 10}, nn.ReLU, nil, newRand(1))
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range net.Params() {
		fmt.Println(p.Name, p.Shape())
	}
	fmt.Println(net.Params().Count(), "weights")
	// Output:
	// actor.0.weight [10 120]
	// actor.0.bias [120]
	// actor.1.weight [120 80]
	// actor.1.bias [80]
	// actor.2.weight [80 10]
	// actor.2.bias [10]
	// 11810 weights
}

func ExampleSequential() {
	rng := newRand(1)
	net := nn.Sequential{
		must(nn.NewLinear("hidden", nn.LinearConfig{In: 4, Out: 16, Act: nn.ReLU}, rng)),
		must(nn.NewLayerNorm("norm", 16, nn.None)),
		must(nn.NewLinear("out", nn.LinearConfig{In: 16, Out: 2}, rng)),
	}
	x := must(nn.NewInput(gorgonia.NewGraph(), "x", 4))
	y, err := net.Forward(x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("columns:", x.Shape()[1], "to", y.Shape()[1])
	// Output:
	// columns: 4 to 2
}

// Each row gets mean 0 and variance 1, on any scale.
func ExampleLayerNorm() {
	x, rows := rows(gorgonia.NewGraph(), "x", 3, 1, 2, 3, 100, 200, 300)
	norm, err := nn.NewLayerNorm("norm", 3, nn.None)
	if err != nil {
		log.Fatal(err)
	}
	printRows(must(norm.Forward(x)), x, rows)
	// Output:
	// [-1.225 0.000 1.225]
	// [-1.225 0.000 1.225]
}

// While training, columns are normalised over the batch; afterwards by the running values, which
// have moved a tenth of the way from mean 0 and variance 1.
func ExampleBatchNorm() {
	x, rows := rows(gorgonia.NewGraph(), "x", 1, 10, 20, 30)
	norm, err := nn.NewBatchNorm("norm", 1, nn.None)
	if err != nil {
		log.Fatal(err)
	}
	y := must(norm.Forward(x))
	norm.Training = true
	printRows(y, x, rows)
	norm.Training = false
	fmt.Printf("running mean %.1f and variance %.1f\n", norm.RunningMean.Data(), norm.RunningVar.Data())
	// Output:
	// [-1.225]
	// [0.000]
	// [1.225]
	// running mean [2.0] and variance [10.9]
}

// While training, each entry becomes 0 with probability 1/3; the others grow by half, so that the
// expected value stays.
func ExampleDropout() {
	x, rows := rows(gorgonia.NewGraph(), "x", 6, 1, 1, 1, 1, 1, 1)
	drop, err := nn.NewDropout(1.0/3, newRand(8))
	if err != nil {
		log.Fatal(err)
	}
	y := must(drop.Forward(x))
	printRows(y, x, rows)
	drop.Training = true
	printRows(y, x, rows)
	// Output:
	// [1.000 1.000 1.000 1.000 1.000 1.000]
	// [0.000 1.500 1.500 0.000 1.500 0.000]
}

func ExampleActivate() {
	for _, act := range []nn.Activation{nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh} {
		x, rows := rows(gorgonia.NewGraph(), "x", 3, -2, -1, 2)
		fmt.Print(act, " ")
		printRows(must(nn.Activate(x, act)), x, rows)
	}
	// Output:
	// relu [0.000 0.000 2.000]
	// leaky_relu [-0.400 -0.200 2.000]
	// elu [-0.865 -0.632 2.000]
	// sigmoid [0.119 0.269 0.881]
	// tanh [-0.964 -0.762 0.964]
}

// The residual connection x + relu(x W) of a layer with weights of 1.
func ExampleAdd() {
	x, rows := rows(gorgonia.NewGraph(), "x", 2, 1, 2, -3, 1)
	l := must(nn.NewLinear("layer", nn.LinearConfig{In: 2, Out: 2, Act: nn.ReLU, Init: ones}, newRand(1)))
	y, err := nn.Add(x, must(l.Forward(x)))
	if err != nil {
		log.Fatal(err)
	}
	printRows(y, x, rows)
	// Output:
	// [4.000 5.000]
	// [-3.000 1.000]
}

// Jumping knowledge: the outputs of several layers side by side, or the largest of each entry.
func ExampleConcat() {
	eg := gorgonia.NewGraph()
	first, firstRows := rows(eg, "first", 2, 1, 5)
	second, secondRows := rows(eg, "second", 2, 3, 4)
	printRows(must(nn.Concat(first, second)), first, firstRows, second, secondRows)
	printRows(must(nn.Maximum(first, second)), first, firstRows, second, secondRows)
	// Output:
	// [1.000 5.000 3.000 4.000]
	// [3.000 5.000]
}

// A second operand of one column multiplies whole rows.
func ExampleMul() {
	eg := gorgonia.NewGraph()
	x, xRows := rows(eg, "x", 2, 1, 2, 3, 4)
	weight, weightRows := rows(eg, "weight", 1, 10, 0.5)
	printRows(must(nn.Mul(x, weight)), x, xRows, weight, weightRows)
	// Output:
	// [10.000 20.000]
	// [1.500 2.000]
}

// The weight and the bias of a layer are equal in every graph that uses them: this is how a network
// decides in one graph and trains in another.
func ExampleParam() {
	p, err := nn.NewParam("offset", nil, nil, 2)
	if err != nil {
		log.Fatal(err)
	}
	a, b := must(p.Node(gorgonia.NewGraph())), must(p.Node(gorgonia.NewGraph()))
	p.Data()[1] = 7
	fmt.Println(a.Value().Data(), b.Value().Data())
	// Output:
	// [0 7] [0 7]
}

// The target network of Q-learning takes over the weights of the network that learns.
func ExampleParams_CopyFrom() {
	online := must(nn.NewMLP("q", []int{4, 8, 2}, nn.ReLU, nil, newRand(1)))
	target := must(nn.NewMLP("q", []int{4, 8, 2}, nn.ReLU, nil, newRand(2)))
	fmt.Println("copied:", target.Params().CopyFrom(online.Params()) == nil)

	wider := must(nn.NewMLP("q", []int{4, 9, 2}, nn.ReLU, nil, newRand(3)))
	err := wider.Params().CopyFrom(online.Params())
	fmt.Println("shapes differ:", errors.Is(err, nn.ErrShape))
	// Output:
	// copied: true
	// shapes differ: true
}

// One tape serves any number of rows.
func ExampleTape() {
	x := must(nn.NewInput(gorgonia.NewGraph(), "x", 2))
	net := must(nn.NewMLP("net", []int{2, 3}, nn.ReLU, nil, newRand(1)))
	y := must(net.Forward(x))
	tape, err := nn.NewTape(y)
	if err != nil {
		log.Fatal(err)
	}
	var in nn.Buffer
	for _, n := range []int{1, 1000} {
		clear(in.Resize(n, 2))
		if err := errors.Join(tape.Bind(x, in.Value()), tape.Run()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(tape.Matrix(y).Rows, "rows")
	}
	// Output:
	// 1 rows
	// 1000 rows
}

// A buffer keeps its memory when it shrinks.
func ExampleBuffer() {
	var b nn.Buffer
	copy(b.Resize(2, 3), []float32{1, 2, 3, 4, 5, 6})
	fmt.Println(b.Matrix().Row(1))
	b.Resize(1, 3)
	fmt.Println(b.Matrix().Rows, "row:", b.Matrix().Row(0))
	// Output:
	// [4 5 6]
	// 1 row: [1 2 3]
}

// A gradient step on the loss (w - 3)^2 with w = 1 and rate 0.1: w moves by 0.1 * 4.
func ExampleTrainer() {
	eg := gorgonia.NewGraph()
	w := must(nn.NewParam("w", ones, newRand(1), 1, 1))
	target, three := rows(eg, "target", 1, 3)
	loss := must(nn.MSE(must(w.Node(eg)), target, nil))
	sgd := must(nn.NewSGD(nn.Params{w}, nn.SGDConfig{LearningRate: 0.1}))
	trainer, err := nn.NewTrainer(loss, nn.Params{w}, sgd)
	if err != nil {
		log.Fatal(err)
	}
	if err := trainer.Tape.Bind(target, three.Value()); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		before, err := trainer.Step()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("loss %.3f, then w = %.3f\n", before, w.Data()[0])
	}
	// Output:
	// loss 4.000, then w = 1.400
	// loss 2.560, then w = 1.720
	// loss 1.638, then w = 1.976
}

// Of two directions one has a gradient a hundred times as large. SGD hardly moves in the other; Muon
// moves as far in both.
func ExampleMuon() {
	for _, muon := range []bool{false, true} {
		w := must(nn.NewParam("w", nil, nil, 2, 2))
		cfg := nn.MuonConfig{LearningRate: 1, SGD: nn.SGDConfig{LearningRate: 0.01}}
		if muon {
			cfg.Hidden = nn.Params{w}
		}
		opt, err := nn.NewMuon(nn.Params{w}, cfg)
		if err != nil {
			log.Fatal(err)
		}
		gradient := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{100, 0, 0, 1}))
		if err := opt.Step([]gorgonia.ValueGrad{fixedGrad{w, gradient}}); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", w.Data())
	}
	// Output:
	// [-1.00 0.00 0.00 -0.01]
	// [-0.70 0.00 0.00 -0.70]
}

// Two goroutines share a minibatch of three rows; together they take the step of the whole.
func ExampleDataParallel() {
	w := must(nn.NewParam("w", ones, newRand(1), 1, 1))
	sgd := must(nn.NewSGD(nn.Params{w}, nn.SGDConfig{LearningRate: 0.5}))
	var replicas []*nn.Trainer
	for _, part := range [][]float32{{1, 2}, {6}} {
		eg := gorgonia.NewGraph()
		x := must(nn.NewInput(eg, "x", 1))
		target, values := rows(eg, "target", 1, part...)
		units := new(nn.Buffer)
		nn.Constant(1)(nn.Matrix{Rows: len(part), Cols: 1, Data: units.Resize(len(part), 1)}, nil)
		l := &nn.Linear{Weight: w}
		tr := must(nn.NewTrainer(must(nn.MSE(must(l.Forward(x)), target, nil)), nn.Params{w}, sgd))
		if err := errors.Join(tr.Tape.Bind(x, units.Value()), tr.Tape.Bind(target, values.Value())); err != nil {
			log.Fatal(err)
		}
		replicas = append(replicas, tr)
	}
	parallel, err := nn.NewDataParallel(replicas...)
	if err != nil {
		log.Fatal(err)
	}
	defer parallel.Close()
	if _, err := parallel.Step([]float64{2.0 / 3, 1.0 / 3}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("w = %.2f, the mean of 1, 2 and 6\n", w.Data()[0])
	// Output:
	// w = 3.00, the mean of 1, 2 and 6
}

// Adam's first step has the size of the learning rate, even for a large gradient.
func ExampleAdam() {
	for _, target := range []float32{2, 2000} {
		eg := gorgonia.NewGraph()
		w := must(nn.NewParam("w", nil, nil, 1, 1))
		t, b := rows(eg, "target", 1, target)
		loss := must(nn.MSE(must(w.Node(eg)), t, nil))
		adam, err := nn.NewAdam(nn.Params{w}, nn.AdamConfig{LearningRate: 0.01})
		if err != nil {
			log.Fatal(err)
		}
		trainer := must(nn.NewTrainer(loss, nn.Params{w}, adam))
		if err := trainer.Tape.Bind(t, b.Value()); err != nil {
			log.Fatal(err)
		}
		must(trainer.Step())
		fmt.Printf("target %v: w = %.4f\n", target, w.Data()[0])
	}
	// Output:
	// target 2: w = 0.0100
	// target 2000: w = 0.0100
}

// The learning rate warms up over 2 steps, then falls to a tenth over 4.
func ExampleWarmup() {
	schedule := nn.Warmup(2, nn.CosineDecay(4, 0.1))
	for step := range 8 {
		fmt.Printf("%.2f ", schedule(step))
	}
	fmt.Println()
	// Output:
	// 0.50 1.00 1.00 0.87 0.55 0.23 0.10 0.10
}

// Sure and right costs nothing, undecided log 2, sure and wrong much; none of it is infinite.
func ExampleBCEWithLogits() {
	for _, z := range []float32{100, 0, -100} {
		eg := gorgonia.NewGraph()
		logit, zRow := rows(eg, "logit", 1, z)
		target, one := rows(eg, "target", 1, 1)
		fmt.Printf("logit %v: ", z)
		printRows(must(nn.BCEWithLogits(logit, target)), logit, zRow, target, one)
	}
	// Output:
	// logit 100: [0.000]
	// logit 0: [0.693]
	// logit -100: [100.000]
}

// Undecided among two options and among four: log 2 and log 4. The segments say which rows belong
// to which decision.
func ExampleSegmentCrossEntropy() {
	eg := gorgonia.NewGraph()
	z, zRows := rows(eg, "z", 1, 0, 0, 0, 0, 0, 0)
	t, tRows := rows(eg, "t", 1, 1, 0, 0, 0, 0, 1)
	ptr := must(nn.NewIndexInput(eg, "ptr"))
	loss, err := nn.SegmentCrossEntropy(z, t, ptr)
	if err != nil {
		log.Fatal(err)
	}
	tape := must(nn.NewTape(loss))
	segments := &nn.Index{Rows: []int32{0, 2, 6}}
	if err := errors.Join(tape.Bind(z, zRows.Value()), tape.Bind(t, tRows.Value()), tape.Bind(ptr, segments), tape.Run()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f = (log 2 + log 4) / 2 = %.4f\n", tape.Scalar(loss), (math.Log(2)+math.Log(4))/2)
	// Output:
	// 1.0397 = (log 2 + log 4) / 2 = 1.0397
}

// Huber's loss grows in proportion to large errors where the squared one explodes.
func ExampleHuber() {
	for _, e := range []float32{0.1, 100} {
		eg := gorgonia.NewGraph()
		y, yRow := rows(eg, "y", 1, e)
		t, zero := rows(eg, "t", 1, 0)
		fmt.Printf("error %v: ", e)
		printRows(must(nn.Huber(y, t, nil, 1)), y, yRow, t, zero)
	}
	// Output:
	// error 0.1: [0.005]
	// error 100: [99.500]
}

// L2 regularisation: the loss plus 0.1 times half the sum of squares, here of 3 and 4.
func ExampleL2() {
	eg := gorgonia.NewGraph()
	w := must(nn.NewParam("w", nil, nil, 1, 2))
	copy(w.Data(), []float32{3, 4})
	penalty, err := nn.L2(eg, nn.Params{w})
	if err != nil {
		log.Fatal(err)
	}
	total, err := nn.WeightedSum([]*gorgonia.Node{penalty}, []float64{0.1})
	if err != nil {
		log.Fatal(err)
	}
	printRows(total)
	// Output:
	// [1.250]
}

// Columns of an orthogonal matrix are at right angles and of equal length.
func ExampleOrthogonal() {
	w := must(nn.NewParam("w", nn.Orthogonal(2), newRand(1), 3, 2)).Data()
	var dot, length float64
	for r := range 3 {
		dot += float64(w[2*r] * w[2*r+1])
		length += float64(w[2*r] * w[2*r])
	}
	fmt.Printf("product %.3f, length %.3f\n", math.Abs(dot), math.Sqrt(length))
	// Output:
	// product 0.000, length 2.000
}

// Half the gradient's norm, half the gradient.
func ExampleClipGlobalNorm() {
	eg := gorgonia.NewGraph()
	w := must(nn.NewParam("w", nil, nil, 1, 1))
	t, b := rows(eg, "t", 1, -5)
	loss := must(nn.MSE(must(w.Node(eg)), t, nil)) // the gradient is 2 (0 + 5)
	grads := must(nn.Grad(loss, nn.Params{w}))
	tape := must(nn.NewTape(grads...))
	if err := errors.Join(tape.Bind(t, b.Value()), tape.Run()); err != nil {
		log.Fatal(err)
	}
	model := must(tape.Gradients(nn.Params{w}, grads))
	norm, err := nn.ClipGlobalNorm(model, 5)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("norm", norm, "clipped to", tape.Matrix(grads[0]).Data)
	// Output:
	// norm 10 clipped to [5]
}

// Behind Detach a node is a constant: the gradient of x * detach(x) is x, not 2x.
func ExampleDetach() {
	eg := gorgonia.NewGraph()
	x := must(nn.NewParam("x", nil, nil, 1, 1))
	x.Data()[0] = 3
	node := must(x.Node(eg))
	product := must(nn.Mul(node, must(nn.Detach(node))))
	zero, b := rows(eg, "zero", 1, 0)
	loss := must(nn.Huber(product, zero, nil, 1)) // of slope 1 far from 0
	grads := must(nn.Grad(loss, nn.Params{x}))
	printRows(grads[0], zero, b)
	// Output:
	// [3.000]
}

// A caller distinguishes shape mistakes from other errors. The message names the layer and the
// sizes.
func Example_errShape() {
	x := must(nn.NewInput(gorgonia.NewGraph(), "x", 5))
	l := must(nn.NewLinear("layer", nn.LinearConfig{In: 4, Out: 2}, newRand(1)))
	_, err := l.Forward(x)
	fmt.Println(errors.Is(err, nn.ErrShape))
	fmt.Println(err)
	// Output:
	// true
	// nn: layer.weight: want inputs of 4 columns together, got [5]: shape mismatch
}
