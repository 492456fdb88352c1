// Package checkpoints saves the state of a run so that it can go on later, bit for bit, as if it had never stopped.
//
// A trained agent is more than its weights. To go on exactly, a run also needs the moments of its optimiser, its
// replay memory, every random source, its counters and the state of its environment. Each part of a program that owns
// such state implements [Stateful] and writes it to a [State]: tensors, scalars and strings under hierarchical names
// such as "actor/linear1/weight" or "replay/obs". [State.Sub] hands a part its own folder of names, so that a learner
// can store its actor without knowing what an actor stores.
//
// # On disk
//
// A checkpoint is a directory of two files:
//
//	manifest.json                                what this is: method, configuration, step, architecture, SHA-256 of the data
//	state-<step>-<start of SHA-256>.safetensors  every tensor of the State
//
// The data file is in the safetensors format (https://github.com/huggingface/safetensors), which Python reads with
// safetensors.numpy.load_file or safetensors.torch.load_file; scalars are 0-dimensional tensors and strings are U8
// tensors. No time stamp or host name is stored: equal states make equal files.
//
// [ReadSafetensors] reads any safetensors file, of other programs too, without a manifest.
//
// # What Save promises
//
// Renaming manifest.json into place is the one moment at which a checkpoint changes. Until then the new data stands
// in files of other names, synced to disk, and the old manifest still names the old data file; the old data file is
// removed only once the new manifest is safely on disk. A process killed, a full disk or a power cut at any moment
// leaves either the old checkpoint or the new one, whole. (Renaming a directory over another would not do: that is
// refused unless the other one is empty.) One directory has one writer at a time; readers may come at any time.
//
// # What Load promises
//
// Nothing in the files is believed before it is checked: sizes and offsets are held against the real size of the file
// before memory is set aside, tensors must fill the data without gap or overlap, and both files must match their
// SHA-256. A damaged checkpoint gives an error that wraps [ErrDamaged] and names the file and the fault. Loading
// executes nothing: there is no gob or pickle here.
package checkpoints
