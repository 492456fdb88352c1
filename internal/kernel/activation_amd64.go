//go:build !purego

package kernel

func exp(dst, src []float32) {
	if active == isaGo {
		expGo(dst, src)
		return
	}
	for len(src) > 0 {
		n := min(len(src), burst)
		expKernel(n, &src[0], &dst[0])
		dst, src = dst[n:], src[n:]
	}
}

func apply(act Act, dst, src []float32) {
	if active == isaGo {
		applyGo(act, dst, src)
		return
	}
	for len(src) > 0 {
		n := min(len(src), burst)
		actKernel(uint8(act), n, &src[0], &dst[0])
		dst, src = dst[n:], src[n:]
	}
}

func biasAct(act Act, rows, n int, y, bias []float32) {
	switch {
	case rows == 0 || n == 0:
		return
	case active == isaGo:
		biasActGo(act, rows, n, y, bias)
		return
	case bias == nil:
		apply(act, y[:rows*n], y[:rows*n])
		return
	}
	if repeat := rowsAsOne(rows, n); repeat > 1 {
		t := borrow(repeat * n)
		defer scratch.Put(t)
		for r := range repeat {
			copy((*t)[r*n:], bias[:n])
		}
		whole := rows / repeat
		biasActRows(act, whole, repeat*n, y, *t)
		y, n, bias = y[whole*repeat*n:], rows%repeat*n, *t
		if rows = 1; n == 0 {
			return
		}
	}
	biasActRows(act, rows, n, y, bias)
}

// rowsAsOne returns how many rows of n elements to take as one, so that it fills
// whole blocks of lanes, aligned like the first; 1 if that does not pay.
func rowsAsOne(rows, n int) int {
	repeat := 16 / min(16, n&-n)
	if rows < 2*repeat || n*repeat > burst/4 {
		return 1
	}
	return repeat
}

func biasActRows(act Act, rows, n int, y, bias []float32) {
	step := max(1, burst/n)
	for i := 0; i < rows; i += step {
		for j := 0; j < n; j += burst {
			rows, n, y, bias := min(step, rows-i), min(burst, n-j), &y[i*n+j], &bias[j]
			biasActKernel(uint8(act), rows, n, y, bias)
		}
	}
}

func actBackward(act Act, rows, n int, y, dy, dz, db []float32) {
	if rows == 0 || n == 0 || active == isaGo {
		actBackwardGo(act, rows, n, y, dy, dz, db)
		return
	}
	if act == ActNone {
		y = dy // not looked at, but read
	}
	// Take several rows at once: all of them if there are no sums of columns.
	wide := 16
	var few [16]float32
	sums := few[:]
	if db != nil {
		wide = n * rowsAsOne(rows, n)
		t := borrow(wide)
		defer scratch.Put(t)
		sums = *t
		clear(sums)
	}
	whole := rows * n / wide
	done := whole * wide
	actBackwardColumns(act, whole, wide, y, dy, dz, sums)
	actBackwardColumns(act, 1, rows*n-done, y[done:], dy[done:], dz[done:], sums)
	if db != nil {
		copy(db[:n], sums)
		for r := n; r < wide; r += n {
			axpy(1, sums[r:r+n], db)
		}
	}
}

func actBackwardColumns(act Act, rows, n int, y, dy, dz, sums []float32) {
	const step = burst / 16
	for i := 0; i < rows; i += step {
		for j := 0; j < n; j += 16 {
			rows, columns := min(step, rows-i), min(16, n-j)
			y, dy, dz, sums := &y[i*n+j], &dy[i*n+j], &dz[i*n+j], &sums[j]
			actBackwardKernel(uint8(act), rows, columns, n, y, dy, dz, sums)
		}
	}
}
