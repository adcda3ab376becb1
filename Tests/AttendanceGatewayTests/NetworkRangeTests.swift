import AttendanceCore
import Testing

@Suite struct NetworkRangeTests {
    @Test(arguments: [
        ("192.168.10.0/24", "192.168.10.255", true), ("192.168.10.0/24", "192.168.11.0", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::ffff:0a01:0203", true),
        ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "8.8.8.8", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("fe80::/10", "fe80::1%eth0", true), ("::1", "::1", true),
        ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.8", false),
        ("::ffff:192.168.0.0/112", "192.168.4.5", true), ("10.0.0.0/8", "nonsense", false),
        ("10.0.0.0/8", "10.0.0.1:80", false),
    ])
    func `contains the addresses behind its prefix`(range: String, address: String, expected: Bool) throws {
        #expect(try NetworkRange(range).contains(address) == expected)
    }

    @Test(arguments: [
        ("10.0.0.1/8", NetworkRange.Fault.hostBits(suggestion: "10.0.0.0/8")),
        ("2001:db8::1/32", .hostBits(suggestion: "2001:db8::/32")),
        ("10.0.0.0/33", .badLength(allowed: 32)), ("::/129", .badLength(allowed: 128)),
        ("10.0.0.0/", .badLength(allowed: 32)), ("10.0.0.0/+8", .badLength(allowed: 32)),
        ("10.0.0", .notAnAddress),
        ("300.1.1.1", .notAnAddress), ("010.0.0.0/8", .notAnAddress), ("", .notAnAddress),
        ("1::2::3", .notAnAddress), ("::12345", .notAnAddress), ("1:2:3:4:5:6:7", .notAnAddress),
        ("1:2:3:4:5:6:7::8", .notAnAddress), ("gate.example.com", .notAnAddress),
    ])
    func `refuses what is no range and says why`(text: String, fault: NetworkRange.Fault) {
        #expect(throws: fault) { try NetworkRange(text) }
    }

    @Test(arguments: [
        ("::1", "::1"), ("2001:DB8:0:0:1:0:0:0", "2001:db8:0:0:1::"), ("::", "::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("::ffff:127.0.0.1", "127.0.0.1"), ("1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"),
    ])
    func `writes addresses in their usual form`(text: String, expected: String) throws {
        #expect(try #require(NetworkAddress(text)).description == expected)
    }

    @Test(arguments: [
        ("127.3.2.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("10.0.0.1", false), ("::", false),
    ])
    func `knows loopback`(text: String, expected: Bool) throws {
        #expect(try #require(NetworkAddress(text)).isLoopback == expected)
    }
}
