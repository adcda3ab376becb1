import AttendanceCore
import Foundation

/// A mail as a sendmail-compatible program takes it (RFC 5322, MIME): ASCII only, whatever is in the text.
struct MailMessage: Sendable {
    var to: [String]
    var from: String?
    var subject: String
    var lines: [String]
    var date: UnixTime
    /// Left part of the message's id; the right one is the machine's name.
    var id: String
    var host: String

    /// Lines end in a line feed, as on the standard input of such a program.
    var bytes: [UInt8] {
        var text = ""
        func header(_ name: String, _ value: String) { text += "\(name): \(value)\n" }
        if let from { header("From", Self.address(from)) }
        header("To", to.map(Self.address).joined(separator: ",\n "))
        header("Subject", EncodedWords.words(PlainText.line(subject, limit: 300)).joined(separator: "\n "))
        header("Date", Self.stamp(date))
        let host = String(host.unicodeScalars.filter { Self.isHostCharacter($0) })
        header("Message-ID", "<\(id)@\(host.isEmpty ? "localhost" : host)>")
        // So that no absence assistant answers.
        header("Auto-Submitted", "auto-generated")
        header("MIME-Version", "1.0")
        header("Content-Type", "text/plain; charset=utf-8")
        header("Content-Transfer-Encoding", "quoted-printable")
        text += "\n"
        for line in lines { text += Self.quotedPrintable(line) + "\n" }
        return Array(text.utf8)
    }

    /// Settings allow nothing else in an address; a line end here would be a header of somebody's own.
    private static func address(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { (0x21..<0x7F).contains($0.value) && $0 != "," }))
    }

    private static func isHostCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "-" || scalar == "."
            || (scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil))
    }

    /// `Sun, 22 Nov 2026 08:01:09 +0000`
    static func stamp(_ time: UnixTime) -> String {
        let c = WallTime(seconds: time.seconds).components
        let days = time.seconds >= 0 ? time.seconds / 86_400 : 0
        // 1970-01-01 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(days % 7)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(weekday), \(c.day.padded(2)) \(months[c.month - 1]) \(c.year) "
            + "\(c.hour.padded(2)):\(c.minute.padded(2)):\(c.second.padded(2)) +0000"
    }

    /// RFC 2045 §6.7, lines of at most 76 characters.
    static func quotedPrintable(_ line: String) -> String {
        var result = ""
        var column = 0
        let bytes = Array(line.utf8)
        for (index, byte) in bytes.enumerated() {
            let isLast = index == bytes.count - 1
            var piece: String
            switch byte {
            case UInt8(ascii: "="): piece = "=3D"
            case 0x20 where !isLast, 0x21..<0x7F: piece = String(UnicodeScalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                piece = hex.utf8.count == 1 ? "=0\(hex)" : "=\(hex)"
            }
            // "From " at the start of a line and a lone dot mean something to old programs.
            if column == 0, byte == UInt8(ascii: "F") || byte == UInt8(ascii: ".") {
                piece = byte == UInt8(ascii: ".") ? "=2E" : "=46"
            }
            if column + piece.utf8.count > (isLast ? 76 : 75) {
                result += "=\n"
                column = 0
            }
            result += piece
            column += piece.utf8.count
        }
        return result
    }
}
