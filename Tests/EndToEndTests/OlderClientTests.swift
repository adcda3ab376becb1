import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// A client that was written for the older Python service, row by row of docs/protocol.md §9, beside a real terminal.
@Suite struct `Clients of the older service` {
    @Test(.timeLimit(.minutes(10))) func `are served as they were, by the listener that serves terminals`()
        async throws
    {
        try await withGateway(["Security.AuthToken=a-long-enough-token"]) { gateway in
            let client = try await gateway.connect(
                "SEED-1", path: "/", headers: [("Authorization", "Bearer a-long-enough-token")])
            let time = wallNow(-60)

            // 9.14: no serial.
            #expect(
                try await client.exchange(#"{"cmd": "reg"}"#).text
                    == #"{"ret":"reg","result":false,"reason":"Missing serial number"}"#)
            // 9.8: a log before any reg is served.
            let early = try await client.exchange(
                #"{"cmd": "sendlog", "sn": "SEED-1", "record": [{"enrollid": 5, "name": "Ada", "time": "\#(time)"}]}"#
            )
            #expect(early["ret"] == "sendlog" && early["result"] == true)
            let reg = try await client.exchange(#"{"cmd": "reg", "sn": "SEED-1"}"#)
            #expect(reg["result"] == true && reg["nosenduser"] == true)
            #expect(reg.cloudTime?.count == 19)
            // 9.1: getalllog sent by the client.
            let all = try await client.exchange(
                #"{"cmd": "getalllog", "record": [{"enrollid": 6, "name": "Bo", "time": "\#(time)"}]}"#)
            #expect(all["ret"] == "sendlog" && all["result"] == true && all["count"] == 1)
            #expect(all["logindex"] == nil)
            // 9.2: an empty record.
            #expect(
                try await client.exchange(#"{"cmd": "sendlog", "record": []}"#).text
                    == #"{"ret":"sendlog","result":false,"reason":"No records provided"}"#)
            // 9.4: no name is no reason to lose a punch. 9.5: a door event. 9.7: a bad time.
            let odd = try await client.exchange(
                #"{"cmd": "sendlog", "record": [{"enrollid": 7, "time": "\#(time)"}, {"enrollid": 0, "time": "\#(time)", "event": 1}, {"enrollid": 8, "name": "C", "time": "0000-00-00 00:00:00"}]}"#
            )
            #expect(odd["result"] == true && odd["count"] == 3)
            // 9.11, 9.21: no JSON, and JSON that is no object.
            for text in ["{not json", "[1, 2, 3]", "17"] {
                #expect(
                    try await client.exchange(text).text
                        == #"{"ret":"error","result":false,"reason":"Invalid JSON format"}"#)
            }
            // 9.12: no cmd, no answer; the next answer belongs to the next message. 9.13: anything else.
            try await client.send(#"{"hello": "world"}"#)
            let other = try await client.exchange(#"{"cmd": "checklive", "sn": "SEED-1"}"#)
            #expect(other["ret"] == "checklive" && other["result"] == true)

            let entries = try await gateway.journal()
            #expect(entries.map(\.punch.enrollID.sent).sorted() == ["0", "5", "6", "7"])
            #expect(Set(entries.map(\.terminal.text)) == ["SEED-1"])
            #expect(try await gateway.gateway.store.quarantine(after: 0, limit: 10).count == 4)
        }
    }
}
