import AttendanceCore
import Testing

@Suite struct `The older service's CSV` {
    private static let header = "Timestamp,Enroll ID,Name,Device ID,ERP Status\r\n"

    private struct Read {
        var punches: [LegacyPunch] = []
        var bad: [LegacyDefect] = []
        var reader = LegacyCSV()
    }

    /// Fed in pieces of `piece` bytes.
    private func read(_ bytes: [UInt8], piece: Int = 7) -> Read {
        var read = Read()
        var rows: [LegacyCSV.Row] = []
        var reader = LegacyCSV()
        for start in stride(from: 0, to: bytes.count, by: piece) {
            reader.feed(bytes[start..<min(bytes.count, start + piece)]) { rows.append($0) }
        }
        reader.finish { rows.append($0) }
        for row in rows {
            switch row {
            case .punch(let punch): read.punches.append(punch)
            case .bad(let defect): read.bad.append(defect)
            }
        }
        read.reader = reader
        return read
    }

    private func read(_ text: String) -> Read { read(Array((Self.header + text).utf8)) }

    @Test(arguments: [1, 3, 1000])
    func `lines are read however the file is cut`(piece: Int) throws {
        let text =
            Self.header + "2026-10-01 08:00:00,12,Ada,T1,Success\r\n"
            + "2026-10-01 08:00:05,0013,\"Li, \"\"Bo\"\"\",t2,ERP_Failed\n\n2026-10-01 08:01:00,x-7,,T1,success"
        let found = read(Array(text.utf8), piece: piece)
        #expect(found.bad.isEmpty && found.reader.refusal == nil)
        #expect(found.punches.map(\.enrollID.sent) == ["12", "0013", "x-7"])
        #expect(found.punches.map(\.name) == ["Ada", "Li, \"Bo\"", nil])
        #expect(found.punches.map(\.isDelivered) == [true, false, true])
        #expect(found.punches.map(\.line) == [2, 3, 5])
        #expect(found.punches[1].time == WallTime(year: 2026, month: 10, day: 1, hour: 8, second: 5))
        #expect(found.punches[1].terminal == SerialNumber("T2"))
    }

    @Test func `a bad line costs nothing but itself, and says where and what to do`() {
        let found = read(
            """
            2026-10-01 08:00:00,1,A,T1,Success
            01-10-2026 08:00:00,2,B,T1,Success
            2026-10-01 08:00:00,,B,T1,Success
            2026-10-01 08:00:00,3,B,,Success
            2026-10-01 08:00:00,3,B,T1,Pending
            2026-10-01
            2026-10-01 08:00:00,4,"open,T1,Success
            2026-10-01 08:00:00,5,E,T1,Success

            """)
        #expect(found.punches.map(\.enrollID.sent) == ["1", "5"])
        #expect(found.bad.map(\.line) == [3, 4, 5, 6, 7, 8])
        #expect(found.bad[3].status == "Pending")
        #expect(found.bad.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test func `quotes, line breaks, bare commas, NUL and formulas in a name do no harm`() {
        let found = read(
            "2026-10-01 08:00:00,1,\"two\nlines\",T1,Success\n2026-10-01 08:00:00,2,Last, First, T1 ,Success\n"
                + "2026-10-01 08:00:00,3,\u{0}nul\u{0},T1,Success\n2026-10-01 08:00:00,'-4,'=1+1,T1,Success\n"
                + "2026-10-01 08:00:00,5,O'Neil \"Bo\" ,T1,Success\n")
        #expect(found.bad.isEmpty)
        #expect(
            found.punches.map(\.name) == [
                "two\nlines", "Last, First", "nul", "=1+1", "O'Neil \"Bo\"",
            ])
        #expect(found.punches[3].enrollID.sent == "-4")
        #expect(found.punches.map(\.line) == [2, 4, 5, 6, 7])
    }

    @Test func `a line of a megabyte is one bad line`() {
        let long = String(repeating: "x", count: 1 << 20)
        let found = read(
            Array(
                (Self.header + "2026-10-01 08:00:00,1,\(long),T1,Success\n2026-10-01 08:00:00,2,B,T1,Success")
                    .utf8), piece: 100_000)
        #expect(found.bad.map(\.line) == [2])
        #expect(found.punches.map(\.line) == [3])
    }

    @Test func `a byte order mark is no header's fault, and Latin-1 is read as such`() {
        var bytes: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(Self.header.utf8)
        bytes += Array("2026-10-01 08:00:00,1,Jos".utf8) + [0xE9] + Array(",T1,Success\n".utf8)
        let found = read(bytes)
        #expect(found.punches.map(\.name) == ["José"])
        #expect(found.reader.foreignLines == 1)
    }

    @Test(arguments: [
        "Date;Person\n2026-10-01 08:00:00,1,A,T1,Success\n",
        "Timestamp;Enroll ID;Name;Device ID;ERP Status\n2026-10-01 08:00:00;1;A;T1;Success\n", "\"\n\"\n",
        "\u{0}\u{1}\u{2}binary\n", String(repeating: "y", count: 200_000),
    ])
    func `another file is refused as a whole`(text: String) {
        let found = read(Array(text.utf8), piece: 4096)
        #expect(found.punches.isEmpty)
        #expect(found.reader.refusal != nil)
    }

    @Test func `a file in UTF-16 is refused, one without a header is read`() {
        #expect(read([0xFF, 0xFE, 0x54, 0, 0x0A, 0]).reader.refusal?.problem.contains("UTF-16") == true)
        let found = read(Array("2026-10-01 08:00:00,1,A,T1,Success\n".utf8))
        #expect(found.punches.count == 1 && found.reader.lacksHeader)
        #expect(read([]).reader.refusal == nil)
    }

    @Test func `any bytes end in rows and never trap`() {
        var state: UInt64 = 42
        let alphabet = Array("\"\",,\n\r\u{0}'=2026-10-01 08:00:00,1,A,T1,Success\n".utf8) + [0xFF, 0xC3]
        for _ in 0..<300 {
            var bytes = Array(Self.header.utf8)
            for _ in 0..<400 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            let found = read(bytes)
            #expect(found.reader.refusal == nil)
        }
    }
}
