// Package runfolder keeps training runs in folders. A run can be stopped at any moment, resumed,
// lengthened and evaluated later, independent of the task.
//
// A [Run] is a training that advances step by step. A [Task] describes a kind of run: how to read
// and write its configuration, and how to create a run from it. This trains one to its end, and
// later resumes it:
//
//	folder, err := runfolder.Create("", "my-run") // runs/my-run
//	err = folder.Start(run, yaml)
//	err = folder.Train(ctx, run, func() {})
//	err = folder.Close()
//
//	folder, run, err := runfolder.Resume(task, "runs/my-run", runfolder.ResumeOptions{})
//
// A folder looks like this:
//
//	runs/grle-dynamic-m14-seed1/
//	  config.yaml           all settings; the checkpoints have them too
//	  metrics.jsonl         one JSON object per report interval, see [Log]
//	  metrics.csv           the same as a table, and
//	  events.out.tfevents.* the same for TensorBoard, if asked for, see [Export]
//	  checkpoint/latest/    the state to resume
//	  checkpoint/best/      the state with the highest score of those at multiples of the checkpoint interval
//	  timing/               wall-clock times so far, which no result depends on
//	  .lock, .lock.json     held while a process works in the folder, see [Acquire]
//
// Equal runs leave equal files, byte for byte, in config.yaml, metrics.jsonl and checkpoint/. Times
// differ from run to run, so they have a separate place.
//
// # Guarantees
//
// One process works in a folder at a time; a second gets a [HeldError]. A kill, a full disk or a
// power cut at any moment costs only the steps since the last checkpoint. [Resume] never starts
// over silently: without the latest checkpoint it fails with a [CheckpointError], which says
// whether the best one is whole. A damaged log of metrics does not stop a run; it is repaired with
// a warning, and the damaged file is kept. A lengthened run ends bit for bit like one with that
// length from the start.
package runfolder
