import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// Looks for what nobody may read in everything that the gateway writes or answers.
@Suite(.timeLimit(.minutes(10))) struct `What nobody may read` {
    /// Everything secret that the terminal of these tests has.
    private struct Secrets {
        let finger = SimulatedCredential.finger(seed: 101, length: 300)
        let photo = SimulatedCredential.photo(seed: 102, bytes: 2000)
        let punchPhoto = SimulatedCredential.photo(seed: 103, bytes: 2000)
        let pin = "83649217"
        let card = "3141592653"
        let face = Data(SimulatedCredential.finger(seed: 104, length: 900).utf8).base64EncodedString()

        /// Parts of it, so that what was cut or escaped is found too.
        var traces: [String] {
            [finger, photo, punchPhoto, face].flatMap { text in
                [text.dropFirst(20).prefix(24), text.dropFirst(100).prefix(24), text.suffix(24)].map(
                    String.init)
            } + [pin, card]
        }

        var bytes: [Data] {
            traces.map { Data($0.utf8) }
                + [photo, punchPhoto].compactMap {
                    Data(base64Encoded: $0).map { $0.dropFirst(60).prefix(24) }
                }
        }
    }

    private static func files(in folder: String) throws -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.map { folder + "/" + $0 }.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
                && !$0.hasSuffix(".sock")
        }
    }

    @Test(arguments: [true, false])
    func `stands in no log, metric, CSV, answer or file in clear`(collects: Bool) async throws {
        let secrets = Secrets()
        let file = """
            [People]
            Collect = \(collects ? "yes" : "no")

            [Terminals]
            TimeZone = Asia/Kolkata
            KeepPhotos = \(collects ? "yes" : "no")

            [Terminal ZX01]
            Name = gate
            """
        try await withGateway(file: file) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await Self.sendEverything(secrets, terminal)
            try await eventually { try await gateway.journal().count == 2 }
            if collects { try await Self.answerReading(secrets, terminal, gateway) }
            var told: [(String, Data)] = []
            for path in ["/health", "/metrics"] {
                told.append((path, Data(try await gateway.http(path).body.utf8)))
            }
            for arguments in [
                ["people", "list"], ["people", "show", "7"], ["people", "export"], ["people", "conflicts"],
                ["people", "receipts"], ["audit"], ["commands", "list"], ["punches"], ["terminals"],
                ["punches", "--format", "json"],
            ] {
                told.append(
                    (
                        arguments.joined(separator: " "),
                        Data(try await gateway.command(arguments).output.utf8)
                    ))
            }
            for path in try Self.files(in: gateway.folder) {
                told.append((path, try Data(contentsOf: URL(fileURLWithPath: path))))
            }
            #expect(told.contains { $0.0.hasSuffix("journal.sqlite-wal") })
            #expect(told.contains { $0.0.hasSuffix("attendance.log") })
            for (place, data) in told {
                for trace in secrets.bytes { #expect(data.range(of: trace) == nil, "\(place)") }
            }
            let credentials = try await gateway.gateway.store.roster(space: nil, after: nil, limit: 9)
                .flatMap(\.credentials)
            #expect(credentials.count == (collects ? 5 : 0))
            let serial = try #require(SerialNumber("ZX01"))
            let photos = try await gateway.gateway.store.photos(
                of: EnrollID(number: 7), at: [serial], limit: 9)
            #expect(photos.count == (collects ? 1 : 0))
            if let photo = photos.first {
                let jpeg = try gateway.gateway.roster.vault.open(photo.sealed, for: photo.context)
                #expect(Data(jpeg).base64EncodedString() == secrets.punchPhoto)
            }
            try await terminal.close()
        }
    }

    /// The answer to a message: the gateway may ask something of its own in between.
    private static func say(
        _ word: String, _ terminal: SimulatedTerminal, _ text: String
    ) async throws -> ServerMessage {
        try await terminal.send(text)
        return try await terminal.answer(to: word)
    }

    /// In every place where a terminal can send it.
    private static func sendEverything(_ secrets: Secrets, _ terminal: SimulatedTerminal) async throws {
        let slots = [
            (0, "\"\(secrets.finger)\""), (10, secrets.pin), (11, secrets.card), (50, "\"\(secrets.photo)\""),
            (51, "\"\(secrets.face)\""),
        ]
        for (slot, record) in slots {
            let answer = try await Self.say(
                "senduser", terminal,
                #"{"cmd":"senduser","sn":"ZX01","enrollid":7,"name":"Ada","backupnum":\#(slot),"record":\#(record)}"#
            )
            #expect(answer["result"] == .bool(true))
        }
        let time = wallNow(-60).description
        _ = try await Self.say(
            "sendlog", terminal,
            #"{"cmd":"sendlog","sn":"ZX01","count":1,"logindex":0,"record":[{"enrollid":7,"time":"\#(time)","mode":8,"image":"\#(secrets.punchPhoto)","pin":"\#(secrets.pin)","card":\#(secrets.card),"record":"\#(secrets.finger)"}]}"#
        )
        // Without an id it goes to quarantine; with a flat record; under words that nobody knows.
        _ = try await Self.say(
            "sendlog", terminal,
            #"{"cmd":"sendlog","sn":"ZX01","record":[{"time":"\#(time)","image":"\#(secrets.punchPhoto)","pwd":"\#(secrets.pin)","feature":"\#(secrets.face)"},"\#(secrets.face)"]}"#
        )
        _ = try await Self.say(
            "rtlog", terminal,
            #"{"cmd":"rtlog","sn":"ZX01","enrollid":8,"time":"\#(time)","photo":"\#(secrets.photo)","card":"\#(secrets.card)"}"#
        )
        for word in ["sendface", "sendnews", "sendpin", "sendqrcode"] {
            _ = try await Self.say(
                word, terminal,
                #"{"cmd":"\#(word)","sn":"ZX01","record":"\#(secrets.face)","pin":"\#(secrets.pin)","card":"\#(secrets.card)"}"#
            )
        }
        // Broken in several ways, and a second object behind the first.
        for text in [
            #"{"cmd":"senduser","enrollid":7,"backupnum":10,"record":\#(secrets.pin)"#,
            #"{"cmd":"senduser","enrollid":7,"backupnum":0,"record":"\#(secrets.finger)",,"x"}"#,
            #"{"cmd":"sendlog","record":[{"enrollid":7,"image":"\#(secrets.photo)","time"#,
            #"[{"pwd":\#(secrets.pin)},{"card":\#(secrets.card)}]"#,
        ] {
            _ = try await Self.say("error", terminal, text)
        }
        try await terminal.send(
            #"{"cmd":"heartbeat"}{"cmd":"senduser","backupnum":11,"record":\#(secrets.card)}"#)
        _ = try await terminal.answer(to: "heartbeat")
        // Answers that nobody asked for.
        try await terminal.send(
            #"{"ret":"getuserinfo","result":true,"enrollid":7,"backupnum":10,"record":\#(secrets.pin)}"#)
        try await terminal.send(
            #"{"ret":"getuserinfo","result":false,"msg":"\#(secrets.card)","reason":"\#(secrets.pin)"}"#)
        _ = try await Self.say("checklive", terminal, #"{"cmd":"checklive","sn":"ZX01"}"#)
    }

    /// What a command brings back, and what a command takes along.
    private static func answerReading(
        _ secrets: Secrets, _ terminal: SimulatedTerminal, _ gateway: RunningGateway
    ) async throws {
        let serial = try #require(SerialNumber("ZX01"))
        let read = try CommandCatalogue.request(
            "getuserinfo", fields: ["enrollid": .integer(7), "backupnum": .integer(10)])
        let write = try CommandCatalogue.request(
            "setuserinfo",
            fields: [
                "enrollid": .integer(7), "name": .text("Ada"), "backupnum": .integer(11),
                "admin": .integer(0),
                "record": .integer(try #require(Int64(secrets.card))),
            ])
        let ids = try await gateway.gateway.commands.order(
            [read, write].map {
                NewCommand(
                    terminal: serial, request: $0,
                    expires: Gateway.Surroundings.systemTime() + .seconds(600))
            }, by: Author("ada"))
        try await eventually {
            // The roster asks this terminal too.
            let message = try await terminal.receiveMessage()
            switch message.command {
            case "getuserinfo":
                try await terminal.send(
                    #"{"ret":"getuserinfo","result":true,"enrollid":7,"name":"Ada","backupnum":10,"admin":0,"record":\#(secrets.pin)}"#
                )
            case "setuserinfo":
                try await terminal.send(
                    #"{"ret":"setuserinfo","result":false,"reason":1,"msg":"card \#(String(repeating: "9", count: 3)) taken"}"#
                )
            case let word?: try await terminal.send(#"{"ret":"\#(word)","result":false,"reason":1}"#)
            case nil: break
            }
            return try await gateway.gateway.store.commands(
                CommandFilter(ids: Set(ids)), after: 0, limit: 9
            ).allSatisfy(\.state.isFinal)
        }
    }
}
