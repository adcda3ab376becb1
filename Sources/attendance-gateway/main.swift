import AttendanceGateway

await runAttendanceGateway()
