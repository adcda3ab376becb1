/// A number as JSON writes it, exactly: no floating point until someone asks for it.
struct WireNumber {
    let isNegative: Bool
    /// Significant digits without the trailing zeros of a fraction.
    let digits: UInt64
    /// The value is `digits` times ten to this power.
    let exponent: Int

    /// Nil for what is no number, and for more than 19 significant digits.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        var digits: UInt64 = 0
        var exponent = 0
        isNegative = bytes.first == .minus
        if isNegative { index += 1 }
        let start = index
        while index < bytes.count, bytes[index].isDigit {
            guard let grown = digits.appending(bytes[index] - .zero) else { return nil }
            digits = grown
            index += 1
        }
        guard index > start else { return nil }
        if index < bytes.count {
            if bytes[index] == .point {
                index += 1
                var zeros = 0  // not yet counted: they matter only when another digit follows
                while index < bytes.count, bytes[index].isDigit {
                    if bytes[index] == .zero {
                        zeros += 1
                    } else {
                        for _ in 0..<zeros where digits != 0 {
                            guard let grown = digits.appending(0) else { return nil }
                            digits = grown
                        }
                        guard let grown = digits.appending(bytes[index] - .zero) else { return nil }
                        digits = grown
                        exponent -= zeros + 1
                        zeros = 0
                    }
                    index += 1
                }
            }
            if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
                index += 1
                let isShrinking = index < bytes.count && bytes[index] == .minus
                if isShrinking || (index < bytes.count && bytes[index] == UInt8(ascii: "+")) { index += 1 }
                let first = index
                var power = 0
                while index < bytes.count, bytes[index].isDigit {
                    power = min(power * 10 + Int(bytes[index] - .zero), 1_000_000)
                    index += 1
                }
                guard index > first else { return nil }
                exponent += isShrinking ? -power : power
            }
            guard index == bytes.count else { return nil }
        }
        self.digits = digits
        self.exponent = exponent
    }

    /// Nil when it is not whole or does not fit.
    var integer: Int64? {
        var magnitude = digits
        if magnitude != 0 {
            if exponent > 0 {
                guard exponent < 20 else { return nil }
                for _ in 0..<exponent {
                    guard let grown = magnitude.appending(0) else { return nil }
                    magnitude = grown
                }
            } else if exponent < 0 {
                guard exponent > -20 else { return nil }
                for _ in 0 ..< -exponent {
                    guard magnitude % 10 == 0 else { return nil }
                    magnitude /= 10
                }
            }
        }
        guard magnitude <= UInt64(Int64.max) else { return nil }
        return isNegative ? -Int64(magnitude) : Int64(magnitude)
    }

    /// The nearest floating-point number, good to a few units in the last place; infinite when enormous.
    var double: Double {
        var value = Double(digits)
        guard value != 0 else { return 0 }
        guard abs(exponent) < 400 else { return exponent > 0 ? (isNegative ? -.infinity : .infinity) : 0 }
        for _ in 0..<abs(exponent) { if exponent > 0 { value *= 10 } else { value /= 10 } }
        return isNegative ? -value : value
    }
}

extension UInt64 {
    @inline(__always)
    fileprivate func appending(_ digit: UInt8) -> UInt64? {
        let (shifted, overflow) = multipliedReportingOverflow(by: 10)
        let (sum, carry) = shifted.addingReportingOverflow(UInt64(digit))
        return overflow || carry ? nil : sum
    }
}
