// Package checkpoints saves the state of a run so that it can resume later, bit for bit, as if it
// had never stopped.
//
// A trained agent is more than its weights. To resume exactly, a run also needs the moments of its
// optimiser, its replay memory, every random source, its counters and the state of its environment.
// Each part of a program with such state implements [Stateful] and writes it to a [State]: tensors,
// scalars and strings under hierarchical names such as "actor/linear1/weight" or "replay/obs".
// [State.Sub] gives a part its own folder of names, so a learner can store its actor without
// knowing what an actor stores.
//
// # On disk
//
// A checkpoint is a directory of two files:
//
//	manifest.json                           method, configuration, step, architecture, SHA-256
//	state-<step>-<start of SHA>.safetensors every tensor of the State
//
// The data file is in the safetensors format (https://github.com/huggingface/safetensors), which
// Python reads with safetensors.numpy.load_file or safetensors.torch.load_file; scalars are
// 0-dimensional tensors and strings are U8 tensors. It stores no time stamp or host name: equal
// states make equal files.
//
// [ReadSafetensors] reads any safetensors file, of other programs too, without a manifest.
//
// # What Save promises
//
// A checkpoint changes at one moment, when manifest.json is renamed into place. Until then the new
// data is in files of other names, synced to disk, and the old manifest names the old data file.
// Save removes the old data file once the new manifest is safely on disk. A killed process, a full
// disk or a power cut at any moment leaves either the old checkpoint or the new one, whole.
// (Renaming a directory over another would not do: systems refuse that unless the other one is
// empty.) One directory has one writer at a time; readers may come at any time.
//
// # What Load promises
//
// Load checks everything before it uses it: it compares sizes and offsets with the real size of the
// file before it allocates memory, tensors must fill the data without gap or overlap, and both
// files must match their SHA-256. Loading executes nothing: there is no gob or pickle here.
//
// # Errors
//
// A directory without a checkpoint gives [io/fs.ErrNotExist]; a damaged checkpoint [ErrDamaged],
// with the file and the fault; a sound one that does not fit the program [ErrMismatch], with the
// tensor and both shapes. Match them with errors.Is: the first starts a new run, the second wants
// another checkpoint, the third another configuration.
package checkpoints
