/// The keys we read, in the vendor's spelling. Everything else is kept in the raw text only.
enum WireField {
    case cmd, ret, sn, to, msg, from, name, time, mode, temp, count, event, image, inOut
    case record, result, reason, aliasID, deviceInfo, enrollID, logIndex, firmware
    case backupNumber, modelName, usedNewLog, verifyMode
    /// What nobody may read: templates, PINs, card numbers, photos under another name.
    case secret

    /// Nil for any other key. `key` is trimmed and without escapes; letter case counts.
    @inline(__always)
    init?(_ key: UnsafeRawBufferPointer) {
        // By length first: on average two comparisons a key instead of a dozen.
        switch key.count {
        case 2:
            switch key {
            case "sn": self = .sn
            case "to": self = .to
            default: return nil
            }
        case 3:
            switch key {
            case "cmd": self = .cmd
            case "ret": self = .ret
            case "msg": self = .msg
            case "pwd", "pin": self = .secret
            default: return nil
            }
        case 4:
            switch key {
            case "time": self = .time
            case "mode": self = .mode
            case "name": self = .name
            case "temp": self = .temp
            case "from": self = .from
            case "card": self = .secret
            default: return nil
            }
        case 5:
            switch key {
            case "inout": self = .inOut
            case "event": self = .event
            case "image": self = .image
            case "count": self = .count
            case "photo": self = .secret
            default: return nil
            }
        case 6:
            switch key {
            case "record": self = .record
            case "result": self = .result
            case "reason": self = .reason
            default: return nil
            }
        case 7:
            switch key {
            case "aliasid": self = .aliasID
            case "devinfo": self = .deviceInfo
            case "picture": self = .secret
            default: return nil
            }
        case 8:
            switch key {
            case "enrollid": self = .enrollID
            case "logindex": self = .logIndex
            case "firmware": self = .firmware
            case "template", "password": self = .secret
            default: return nil
            }
        case 9:
            switch key {
            case "backupnum": self = .backupNumber
            case "modelname": self = .modelName
            default: return nil
            }
        case 10:
            switch key {
            case "verifymode": self = .verifyMode
            case "usednewlog": self = .usedNewLog
            default: return nil
            }
        default: return nil
        }
    }
}
