import AttendanceCore
import Foundation

extension SettingsBuilder {
    mutating func people() -> Settings.People {
        func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
        let keep = value(SettingsTable.peopleKeepDays)
        let people = Settings.People(
            collects: value(SettingsTable.peopleCollect), givesNames: value(SettingsTable.peopleNames),
            removesLeavers: value(SettingsTable.peopleLeavers), keep: keep == 0 ? nil : days(keep),
            keepPhotos: days(value(SettingsTable.peoplePhotoDays)))
        if !people.collects {
            for name in names(of: .group) where value(SettingsTable.groupShareCredentials, name: name) {
                report(
                    .warning, SettingsTable.groupShareCredentials.row, name: name,
                    "credentials that nobody keeps cannot be shared", "Set Collect = yes in [People]")
            }
        }
        return people
    }
}
