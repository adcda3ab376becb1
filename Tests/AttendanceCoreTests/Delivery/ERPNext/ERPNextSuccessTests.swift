import AttendanceCore
import Testing

/// Answers 200: what may be believed, and what the check-in became.
@Suite struct ERPNextSuccessTests {
    @Test(arguments: [
        AnswerRow(200, "stored", .raw(storedCheckin()), .settled, .delivered),
        AnswerRow(
            200, "T and fraction", .raw(storedCheckin(time: "2026-11-22T08:01:09.000000")), .settled,
            .delivered),
        AnswerRow(
            200, "API version 2",
            .raw(#"{"data":{"name":"EMP-CKIN-1","time":"2026-11-22 08:01:09"}}"#), .settled, .delivered),
        AnswerRow(
            200, "a stale cookie beside a good token",
            .raw(#"{"session_expired":1,"message":{"name":"EMP-CKIN-1","time":"2026-11-22 08:01:09"}}"#),
            .settled, .delivered),
        AnswerRow(
            200, "another time", .raw(storedCheckin(time: "2026-11-22 08:01:10")), .paused(.wrongTime),
            .configuration),
        AnswerRow(200, "no time", .raw(storedCheckin(time: nil)), .paused(.wrongTime), .configuration),
        AnswerRow(
            200, "time is a number", .raw(storedCheckin(more: ["time": 5])), .paused(.wrongTime),
            .configuration),
        AnswerRow(200, "no name", .raw(storedCheckin(name: nil)), .paused(.configuration), .configuration),
        AnswerRow(200, "empty name", .raw(storedCheckin(name: "")), .paused(.configuration), .configuration),
        AnswerRow(200, "null", .raw(#"{"message":null}"#), .paused(.configuration), .configuration),
        AnswerRow(200, "a text", .raw(#"{"message":"ok"}"#), .paused(.configuration), .configuration),
        AnswerRow(
            200, "a list", .raw(#"{"message":["EMP-CKIN-1"]}"#), .paused(.configuration), .configuration),
        AnswerRow(200, "empty object", .raw("{}"), .paused(.configuration), .configuration),
        AnswerRow(200, "JSON, and no object", .raw("[1]"), .paused(.configuration), .configuration),
        AnswerRow(200, "login page", .raw("<!DOCTYPE html><html>"), .owed(mayBeThere: false), .transient),
        AnswerRow(200, "nothing", .nothing, .owed(mayBeThere: false), .transient),
    ])
    func `believes HRMS only a named check-in with the sent time`(_ row: AnswerRow) {
        row.check(.hrms(time: sentTime))
    }

    @Test(arguments: [
        AnswerRow(200, "a document", .raw(storedCheckin()), .settled, .delivered),
        AnswerRow(200, "nothing returned", .raw("{}"), .settled, .delivered),
        AnswerRow(200, "null", .raw(#"{"message":null}"#), .settled, .delivered),
        AnswerRow(200, "a text", .raw(#"{"message":"Checkin added"}"#), .settled, .delivered),
        AnswerRow(200, "success", .raw(#"{"message":{"status":"success"}}"#), .settled, .delivered),
        AnswerRow(200, "no error", .raw(#"{"message":{"error":null}}"#), .settled, .delivered),
        AnswerRow(200, "no errors", .raw(#"{"errors":[]}"#), .settled, .delivered),
        AnswerRow(
            200, "error", .raw(#"{"message":{"status":"error"}}"#), .again(counted: true), .transient),
        AnswerRow(
            200, "no success", .raw(#"{"message":{"success":false}}"#), .again(counted: true), .transient),
        AnswerRow(
            200, "error text", .raw(#"{"message":{"error":"boom"}}"#), .again(counted: true), .transient),
        AnswerRow(
            200, "errors", .raw(#"{"errors":[{"message":"boom"}]}"#), .again(counted: true), .transient),
        AnswerRow(
            200, "not found", .raw(#"{"message":"Employee not found"}"#), .dead(.unknownEmployee), .rejected),
        AnswerRow(
            200, "not found inside", .raw(#"{"message":{"status":"error","message":"No employee 7"}}"#),
            .dead(.unknownEmployee), .rejected),
        AnswerRow(200, "already there", .raw(#"{"message":"already has a log"}"#), .settled, .alreadyThere),
        AnswerRow(200, "exception", .type("ValidationError"), .again(counted: true), .transient),
        AnswerRow(200, "login page", .raw("<!DOCTYPE html>"), .owed(mayBeThere: false), .transient),
        AnswerRow(
            417, "already there", .thrown("ValidationError", "Duplicate entry"), .settled, .alreadyThere),
        AnswerRow(
            417, "not found", .thrown("ValidationError", "Employee does not exist"), .dead(.unknownEmployee),
            .rejected),
    ])
    func `reads failures that a site's own method reports in a 200`(_ row: AnswerRow) {
        row.check(.customMethod)
    }

    // MARK: The check-in

    @Test func `says of a stored check-in what was made of it`() {
        let verdict = judge(
            storedCheckin(more: [
                "shift": "Day", "shift_actual_end": "2026-11-22 19:00:00",
                "shift_start": "2026-11-22 09:00:00",
            ]))
        #expect(verdict.outcome == .delivered(reference: "EMP-CKIN-11-2026-000001"))
        #expect(verdict.reference == "EMP-CKIN-11-2026-000001")
        #expect(verdict.employee == "HR-EMP-00007")
        #expect(verdict.shift == "Day")
        #expect(verdict.shiftActualEnd == WallTime("2026-11-22 19:00:00"))
        #expect(verdict.storedTime == WallTime(sentTime))
        #expect(verdict.words == nil)
    }

    @Test func `a check-in outside of every shift has none`() {
        let verdict = judge(storedCheckin(more: ["offshift": 1, "shift_actual_end": "soon", "shift": ""]))
        #expect(verdict.shift == nil)
        #expect(verdict.shiftActualEnd == nil)
    }

    @Test func `the fields of a hostile answer stay short and on one line`() {
        let long = String(repeating: "x\n\u{1B}[31m", count: 5_000)
        let verdict = judge(storedCheckin(time: long, name: long, more: ["employee": long, "shift": long]))
        for text in [verdict.reference, verdict.employee, verdict.shift, verdict.words] {
            #expect(isOneLine(text ?? "\n"))
            #expect((text ?? "").count < 300)
        }
        #expect((139...141).contains(verdict.shift?.count ?? 0))
    }

    @Test func `a wrong check-in is named with the time it holds and the one that was meant`() {
        let wrong = judge(storedCheckin(time: "2026-11-22 09:00:00"))
        #expect(wrong.reference == "EMP-CKIN-11-2026-000001")
        #expect(
            wrong.words == "EMP-CKIN-11-2026-000001 holds 2026-11-22 09:00:00; sent was 2026-11-22 08:01:09")
        #expect(wrong.storedTime == WallTime("2026-11-22 09:00:00"))
        let silent = judge(storedCheckin(time: nil))
        #expect(
            silent.words
                == "EMP-CKIN-11-2026-000001 does not say which time it holds; sent was 2026-11-22 08:01:09")
    }

    private func judge(_ body: String) -> ERPNextAnswer.Verdict {
        ERPNextAnswer(status: 200, body: Array(body.utf8)).verdict(.init(.hrms(time: sentTime)))
    }
}
