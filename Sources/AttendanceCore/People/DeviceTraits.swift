/// What a terminal says at `reg` of the credentials it can hold. Nil where it does not say. Source: docs/protocol.md §5.1.
package struct DeviceTraits: Hashable, Sendable {
    /// `fpalgo`
    package var algorithm: String?
    /// Places by what they hold; 0: not fitted.
    package var places: [CredentialKind: Int] = [:]
    /// `usersize`
    package var people: Int?

    /// From the `devinfo` object as the journal keeps it. What cannot be read is nil.
    package init(deviceInfo: String?) {
        guard var text = deviceInfo else { return }
        text.withUTF8 { bytes in
            // It was written by `DeviceReader`; what is not as it writes it tells nothing.
            try? read(UnsafeRawBufferPointer(bytes))
        }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(FrameError) {
        var json = JSONReader(bytes, range: 0..<bytes.count, maximumDepth: FrameDecoder().maximumDepth)
        guard json.peek() == .openBrace else { return }
        try json.open()
        var isFirst = true
        while try json.next(before: .closeBrace, isFirst: &isFirst) {
            let name = json.string(try json.key())
            let value = try json.value()
            let number = json.integer(value).flatMap { $0 < 0 ? nil : Int(clamping: $0) }
            switch name {
            case "fpalgo":
                let text = json.string(value)?.trimmingBlanks() ?? ""
                algorithm = text.isEmpty || !text.isOneLine(ofAtMost: 64) ? nil : text
            case "usersize": people = number
            case "fpsize": places[.fingerprint] = number
            // Photos and face templates share the places for faces.
            case "facesize":
                places[.face] = number
                places[.photo] = number
            case "palmsize": places[.palm] = number
            case "cardsize": places[.card] = number
            case "pwdsize": places[.pin] = number
            default: break
            }
        }
    }
}
