#!/bin/sh
# Makes a bare Debian host an access point and a host that joins networks, as somebody in a hurry would. Where the kernel
# can simulate radios (a virtual machine, not a container), there are three, and the access point runs on the first.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -x /usr/sbin/hostapd ] || [ ! -x /usr/sbin/wpa_supplicant ] || [ ! -x /usr/sbin/iw ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends hostapd wpasupplicant iw
fi
phrase() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' | cut -c1-32; }
staff=$(phrase)

# hostapd's own defaults: WPA2 with a passphrase, TKIP, and readable by everybody.
cat >/etc/hostapd/hostapd.conf <<END
# The access point of the museum's staff
interface=wlan0
driver=nl80211
ctrl_interface=/run/hostapd
ssid=museum-staff
country_code=JP
hw_mode=g
channel=6
wpa=2
wpa_passphrase=$staff
END
chmod 644 /etc/hostapd/hostapd.conf

cat >/etc/wpa_supplicant/wpa_supplicant-wlan9.conf <<END
ctrl_interface=DIR=/run/wpa_supplicant GROUP=netdev
network={
	ssid="museum-staff"
	psk="$staff"
}
network={
	ssid="museum-eap"
	key_mgmt=WPA-EAP
	eap=PEAP
	identity="curator"
	password="$(phrase)"
	ca_cert="/etc/ssl/certs/ca-certificates.crt"
	domain_suffix_match="radius.museum.example"
	phase2="auth=MSCHAPV2"
}
END

mkdir -p /etc/NetworkManager/system-connections
cat >/etc/NetworkManager/system-connections/cafe.nmconnection <<END
[connection]
id=cafe
uuid=6f0d3e4c-3a0e-4f39-9a64-0f0b1a6d7c11
type=wifi

[wifi]
mode=infrastructure
ssid=corner cafe

[wifi-security]
key-mgmt=wpa-psk
psk=$(phrase)
END
cat >/etc/NetworkManager/system-connections/staff.nmconnection <<END
[connection]
id=staff
uuid=0b3c1f52-6a52-4c0e-8f0e-8a5f0c8f2f77
type=wifi

[wifi]
mode=infrastructure
ssid=museum-staff

[wifi-security]
key-mgmt=wpa-psk
psk=$staff
END
chmod 600 /etc/NetworkManager/system-connections/*

mkdir -p /var/lib/iwd
chmod 700 /var/lib/iwd
printf '[Security]\nPassphrase=%s\n' "$staff" >/var/lib/iwd/museum-staff.psk
chmod 600 /var/lib/iwd/museum-staff.psk

systemctl unmask hostapd.service
if modprobe mac80211_hwsim radios=3 2>/dev/null; then
    printf 'mac80211_hwsim\n' >/etc/modules-load.d/hwsim.conf
    printf 'options mac80211_hwsim radios=3\n' >/etc/modprobe.d/hwsim.conf
    systemctl enable hostapd.service
    systemctl restart hostapd.service
fi
