/// A range of network addresses in CIDR form: `192.168.10.0/24`, `2001:db8::/32`, or one address without a length.
///
/// Held as 128 bits; an IPv4 address stands at its IPv4-mapped place (`::ffff:a.b.c.d`), because that is how a
/// dual-stack socket reports an IPv4 peer. So `10.0.0.0/8` contains `::ffff:10.1.2.3` as well.
package struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
    private let network: UInt128
    private let mask: UInt128
    /// As it was written.
    package let description: String

    /// Why a text is no range, in words for the operator.
    package enum Fault: Error, Hashable, Sendable {
        case notAnAddress
        /// `allowed` is 32 or 128.
        case badLength(allowed: Int)
        /// The address has bits set behind the prefix; `suggestion` is the range it probably means.
        case hostBits(suggestion: String)
    }

    package init(_ text: String) throws(Fault) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = NetworkAddress(first) else { throw .notAnAddress }
        // An IPv4-mapped range is written with the length of an IPv6 one: ::ffff:10.0.0.0/104.
        let width = first.contains(":") ? 128 : 32
        var length = width
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let written = Int(parts[1]), written <= width
            else { throw .badLength(allowed: width) }
            length = written
        }
        let hostBits = width - length
        mask = hostBits == 128 ? 0 : UInt128.max << UInt128(hostBits)
        network = address.bits & mask
        guard network == address.bits else {
            throw .hostBits(
                suggestion: "\(NetworkAddress(bits: network, isIPv4: width == 32))/\(length)")
        }
        description = text
    }

    package func contains(_ address: NetworkAddress) -> Bool { address.bits & mask == network }

    /// False for a text that is no address.
    package func contains(_ address: String) -> Bool {
        NetworkAddress(address[...]).map { contains($0) } ?? false
    }

    package static func == (a: NetworkRange, b: NetworkRange) -> Bool {
        a.network == b.network && a.mask == b.mask
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(network)
        hasher.combine(mask)
    }
}

/// An IPv4 or IPv6 address without port, as 128 bits (IPv4 at its mapped place).
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    package let bits: UInt128
    /// Whether it is an IPv4 address, also when written as an IPv4-mapped IPv6 address.
    package let isIPv4: Bool

    private static let mappedPrefix: UInt128 = 0xFFFF << 32

    init(bits: UInt128, isIPv4: Bool) {
        self.bits = bits
        self.isIPv4 = isIPv4
    }

    /// Dotted decimal with four parts and no leading zeros, or IPv6 in any of its usual forms. A scope (`%eth0`) is
    /// dropped. Nil for anything else.
    package init?(_ text: some StringProtocol) {
        if let v4 = Self.parseIPv4(text) {
            self.init(bits: Self.mappedPrefix | UInt128(v4), isIPv4: true)
        } else if let v6 = Self.parseIPv6(text.prefix { $0 != "%" }) {
            self.init(bits: v6, isIPv4: v6 >> 32 == 0xFFFF)
        } else {
            return nil
        }
    }

    package var isLoopback: Bool {
        isIPv4 ? (bits >> 24) & 0xFF == 127 : bits == 1
    }

    package var description: String {
        if isIPv4 {
            return stride(from: 24, through: 0, by: -8)
                .map { String((bits >> UInt128($0)) & 0xFF) }.joined(separator: ".")
        }
        let groups = stride(from: 112, through: 0, by: -16).map { UInt16((bits >> UInt128($0)) & 0xFFFF) }
        let zeros = Self.longestRunOfZeros(groups)
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard zeros.count > 1 else { return joined(groups[...]) }
        return joined(groups[..<zeros.lowerBound]) + "::" + joined(groups[zeros.upperBound...])
    }

    private static func longestRunOfZeros(_ groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < groups.count {
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func parseIPv4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            let digits = part.utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                digits.count == 1 || digits.first != 0x30, let number = UInt8(part)
            else { return nil }
            value = value << 8 | UInt32(number)
        }
        return value
    }

    private static func parseIPv6(_ text: some StringProtocol) -> UInt128? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let first = halves.first, text.contains(":") else { return nil }
        guard let head = groups(of: first, mayEndInIPv4: halves.count == 1) else { return nil }
        var all = head
        if halves.count == 2 {
            guard let tail = groups(of: halves[1], mayEndInIPv4: true), head.count + tail.count <= 7 else {
                return nil
            }
            all += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard all.count == 8 else { return nil }
        return all.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func groups(of text: some StringProtocol, mayEndInIPv4: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let v4 = parseIPv4(part) else { return nil }
                groups += [UInt16(v4 >> 16), UInt16(v4 & 0xFFFF)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }
}
