import AttendanceGateway

// The plugin CommitStamp writes it, for this file alone: a new commit compiles nothing else.
await runAttendanceGateway(commit: commitOfThisBuild)
