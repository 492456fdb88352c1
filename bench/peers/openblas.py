"""Matrix products by cblas_sgemm of OpenBLAS, called directly: the GEMM cases of ./internal/kernel."""

import ctypes
import ctypes.util

import harness
from harness import Unavailable, case

np = harness.import_numpy()
ROW_MAJOR, NO_TRANS, TRANS = 101, 111, 112
library = None


def options(parser):
    parser.add_argument("--openblas", metavar="FILE", help="the shared library (default: the one that the system finds)")


def configure(args):
    global library
    name = args.openblas or ctypes.util.find_library("openblas")
    if name is None:
        return
    library = ctypes.CDLL(name)
    library.openblas_set_num_threads(1)
    for what in ("config", "corename"):
        function = getattr(library, "openblas_get_" + what)
        function.restype = ctypes.c_char_p
        harness.versions["OpenBLAS " + what] = function().decode().strip()
    i, f, p = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    library.cblas_sgemm.argtypes = [i, i, i, i, i, i, f, p, i, p, i, f, p, i]
    library.cblas_sgemm.restype = None


@case(r"internal/kernel:GEMM/(\d+)x(\d+)x(\d+)/(NN|NT|TN)", "OpenBLAS")
def _(m, k, n, form):
    if library is None:
        raise Unavailable("OpenBLAS not found: install it or name the library with --openblas")
    m, k, n = int(m), int(k), int(n)
    rng = np.random.default_rng(1)
    a = rng.random((k, m) if form == "TN" else (m, k), dtype=np.float32)
    b = rng.random((n, k) if form == "NT" else (k, n), dtype=np.float32)
    c = np.empty((m, n), dtype=np.float32)
    trans_a = TRANS if form == "TN" else NO_TRANS
    trans_b = TRANS if form == "NT" else NO_TRANS
    sgemm = library.cblas_sgemm

    def call(rows):
        arguments = [ROW_MAJOR, trans_a, trans_b, rows, n, k, 1.0, a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n]
        converted = [t(v) for t, v in zip(sgemm.argtypes, arguments)]

        def run(memory=(a, b, c)):  # which must live as long as run does
            sgemm(*converted)

        return run

    call(m)()
    np.testing.assert_allclose(c, (a.T if form == "TN" else a) @ (b.T if form == "NT" else b), rtol=1e-4)
    # A product without rows returns at once: what it takes is the way from Python into the library.
    return call(m), call(0)


if __name__ == "__main__":
    shapes = ["128x10x120", "128x120x80", "1536x64x64", "1536x128x128", "512x512x512"]
    harness.main(__doc__, [f"internal/kernel:GEMM/{s}/{form}" for s in shapes for form in ("NN", "NT", "TN")], options, configure)
