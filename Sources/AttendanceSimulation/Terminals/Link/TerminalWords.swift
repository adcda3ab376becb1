import AttendanceCore

/// The messages a terminal sends, as JSON text. Source: docs/protocol.md §5.
package enum TerminalWords {
    /// `reg`. With a blank `deviceInfo` the key is left out.
    package static func registration(serial: String, deviceInfo: String = deviceInfo()) -> String {
        deviceInfo.isEmpty
            ? "{\"cmd\":\"reg\",\"sn\":\(quoted(serial))}"
            : "{\"cmd\":\"reg\",\"sn\":\(quoted(serial)),\"cpusn\":\"0123456789\",\"devinfo\":\(deviceInfo)}"
    }

    /// A `devinfo` object as face terminals send it. `backlog` stands under `usednewlog`.
    package static func deviceInfo(
        model: String = "AiFace", firmware: String = "ai518_f48v_v1.20", backlog: Int = 0,
        clock: WallTime? = nil
    ) -> String {
        let time = clock.map { ",\"time\":\"\($0)\"" } ?? ""
        return "{\"modelname\":\(quoted(model)),\"usersize\":5000,\"facesize\":5000,\"fpsize\":5000,"
            + "\"cardsize\":5000,\"pwdsize\":5000,\"logsize\":500000,\"useduser\":200,\"usedface\":180,"
            + "\"usedfp\":20,\"usedcard\":0,\"usedpwd\":0,\"usedlog\":\(backlog),\"usednewlog\":\(backlog),"
            + "\"usedrtlog\":\(backlog),\"fpalgo\":\"thbio3.0\",\"firmware\":\(quoted(firmware))\(time),"
            + "\"mac\":\"00-01-A9-00-00-01\",\"curip\":\"192.168.000.001\"}"
    }

    /// `sendlog` with records as JSON texts.
    package static func log(serial: String, logIndex: Int, records: [String]) -> String {
        "{\"cmd\":\"sendlog\",\"sn\":\(quoted(serial)),\"count\":\(records.count),\"logindex\":\(logIndex),"
            + "\"record\":[\(records.joined(separator: ","))]}"
    }

    /// The answer of a terminal that does not know a command.
    package static func unknownCommand(_ word: String, serial: String) -> String {
        "{\"ret\":\(quoted(word)),\"sn\":\(quoted(serial)),\"result\":false,\"reason\":1,"
            + "\"msg\":\"can not find this command\"}"
    }

    /// The answer to `gettime`, which has no `result` (docs/protocol.md §8.3).
    package static func time(_ time: WallTime, serial: String) -> String {
        "{\"ret\":\"gettime\",\"sn\":\(quoted(serial)),\"time\":\"\(time)\"}"
    }
}
